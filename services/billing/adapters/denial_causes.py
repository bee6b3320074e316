"""Reads `parameters/denials.yaml`."""

from functools import lru_cache
from pathlib import Path

from services.billing.adapters.rule_book_files import PARAMETERS, read_yaml
from services.billing.domain.remittance import DenialCause, DenialCauses
from shared.kernel.errors import Invalid


@lru_cache(maxsize=2)
def load_denial_causes(folder: Path = PARAMETERS) -> DenialCauses:
    """Return the causes of denials; Invalid if a code has two."""
    content = read_yaml(folder / "denials.yaml")
    causes = tuple(
        DenialCause(
            key=key,
            says=row["says"],
            carc=frozenset(row["carc"]),
            rarc=frozenset(row.get("rarc", ())),
            rules=frozenset(row["rules"]),
        )
        for key, row in content["causes"].items()
    )
    codes = [code for cause in causes for code in (*cause.carc, *cause.rarc)] + content["not_denials"]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise Invalid(f"denials.yaml has two causes for {', '.join(twice)}", rule="rule-book")
    return DenialCauses(causes=causes, not_denials=frozenset(content["not_denials"]))
