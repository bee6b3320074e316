"""Reads the CMS relative-value file into dated amounts for forecasts: numbers only, never a descriptor.

The file has title and heading lines, then a line that starts `HCPCS,MOD,DESCRIPTION`, then a row for each code and modifier. A
column's heading may be spread over several of the heading lines; they are read together.
"""

import csv
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

import yaml

from shared.kernel.errors import Invalid

_FIRST = ("HCPCS", "MOD", "DESCRIPTION")
_CENT = Decimal("0.01")
_FACTOR = "FACTOR"


class FeeFileUnreadable(Invalid):
    """The file is not a relative-value file of the shape that we know."""

    rule = "fees"


@dataclass(frozen=True, slots=True)
class Amount:
    """A code's national amounts in dollars: relative values times the conversion factor, rounded to the cent."""

    code: str
    non_facility: Decimal
    facility: Decimal


def read_amounts(path: Path, codes: Collection[str]) -> list[Amount]:
    """Return the amounts of `codes` that the file has, without modifier, ordered by code; FeeFileUnreadable names what is off."""
    with path.open(encoding="latin-1", newline="") as lines:
        rows = csv.reader(lines)
        columns = _columns(rows)
        found = {amount.code: amount for amount in _amounts(rows, columns, codes)}
    if not found:
        raise FeeFileUnreadable("the file has none of the codes that the rule book knows")
    return [found[code] for code in sorted(found)]


def write_amounts(amounts: list[Amount], source: Path, out: Path, *, since: date, until: date) -> None:
    """Write amounts as a fee file of the rule book, in force from `since` to `until`."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    content = {
        "defaults": {
            "unit": "dollar",
            "certainty": "sourced",
            "confidence": "H",
            "last_checked_on": since,
            "reference": ["PFS"],
            "since": since,
            "until": until,
        },
        "non_facility": {amount.code: str(amount.non_facility) for amount in amounts},
        "facility": {amount.code: str(amount.facility) for amount in amounts},
    }
    head = f"# Imported from {source.name}, SHA-256 {digest}: numbers for forecasts only, no descriptor.\n"
    out.write_text(head + yaml.safe_dump(content, sort_keys=False, width=120), encoding="utf-8")


def _columns(rows: Iterator[list[str]]) -> dict[str, int]:
    """Read up to the last heading line; return the columns of the two totals and of the conversion factor."""
    headings: list[list[str]] = []
    for row in rows:
        headings.append(row)
        if tuple(cell.strip().upper() for cell in row[:3]) == _FIRST:
            break
    else:
        raise FeeFileUnreadable("no line starts with HCPCS,MOD,DESCRIPTION")
    width = len(headings[-1])
    joined = [" ".join(line[n].strip().upper() for line in headings if len(line) == width) for n in range(width)]
    wanted = {"non_facility": ("NON-FAC", "TOTAL"), "facility": ("FACILITY", "TOTAL"), "factor": (_FACTOR,)}
    columns = {}
    for name, words in wanted.items():
        fitting = [n for n, text in enumerate(joined) if all(word in text for word in words)]
        if name == "facility":
            fitting = [n for n in fitting if "NON-FAC" not in joined[n]]
        if len(fitting) != 1:
            raise FeeFileUnreadable(f"{len(fitting)} columns are headed {' '.join(words)}, not one")
        columns[name] = fitting[0]
    return columns


def _amounts(rows: Iterator[list[str]], columns: dict[str, int], codes: Collection[str]) -> Iterator[Amount]:
    for row in rows:
        if len(row) <= max(columns.values()) or row[0].strip() not in codes or row[1].strip():
            continue
        try:
            factor = Decimal(row[columns["factor"]])
            totals = [Decimal(row[columns[name]]) for name in ("non_facility", "facility")]
        except InvalidOperation as error:
            raise FeeFileUnreadable(f"{row[0]} has a number that cannot be read") from error
        if any(totals):  # a row of zeros has no amount
            sides = [(total * factor).quantize(_CENT, ROUND_HALF_UP) for total in totals]
            yield Amount(row[0].strip(), *sides)
