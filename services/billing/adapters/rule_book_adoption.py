"""A named person adopts a year's draft: who has read which text, when, and the differences that were accepted."""

from datetime import date, timedelta
from pathlib import Path

import yaml

from services.billing.adapters.rule_book_files import (
    ADOPTION,
    PARAMETERS,
    differences,
    load_rule_book,
    merge_draft,
    read_parameters,
    read_yaml,
    values_on,
)
from shared.kernel.errors import Conflict, Invalid


def differences_of_draft(edition: str, folder: Path = PARAMETERS) -> list[str]:
    """Return what the draft changes on its first day against the day before; Invalid if there is no such draft."""
    draft = folder / "drafts" / edition
    start: date = read_yaml(draft / "rule_book.yaml")["validity"]["valid_from"]
    data = read_parameters(folder=folder)
    before = values_on(data, start - timedelta(days=1))
    merge_draft(data, draft)
    return differences(before, values_on(data, start))


def adopt(edition: str, *, reader: str, text: str, on: date, folder: Path = PARAMETERS) -> list[str]:
    """Record that `reader` has read `text` and accepts the draft; return the differences accepted.

    From then on the draft's months are released, in this and every later reading of the files. Invalid without a name or a
    text, Conflict if the draft was adopted before and has not changed since.
    """
    if not reader.strip() or not text.strip():
        raise Invalid("an adoption names the person who has read the payers' text, and which text", rule="L4")
    record = folder / "drafts" / edition / ADOPTION
    if record.exists():
        raise Conflict(f"{edition} is adopted already; to read it anew, remove {ADOPTION} of that draft first", rule="L4")
    accepted = differences_of_draft(edition, folder)
    validity = read_yaml(record.parent / "rule_book.yaml")["validity"]
    validity |= {"status": "adopted", "read_by": reader.strip(), "read_on": on, "text": text.strip()}
    told = yaml.safe_dump({"validity": validity, "accepted": accepted}, sort_keys=False, allow_unicode=True, width=120)
    record.write_text(told, encoding="utf-8")
    load_rule_book.cache_clear()
    return accepted
