"""What payers decided on claim lines, as a file tells it: a decision a line, read strictly or not at all (docs/remits-csv.md)."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.kernel.errors import Invalid, Issue

REQUIRED = ("charge_id", "claim_number", "paid", "carc", "rarc", "date")
OPTIONAL = ("allowed", "patient_share", "payer")
MOST_LINES, MOST_PROBLEMS = 50_000, 50

_AMOUNT = re.compile(r"\d{1,7}(?:\.\d{1,2})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CARC = re.compile(r"(?:(?:CO|PR|OA|PI|CR)-)?[A-Z]?\d{1,3}")
_RARC = re.compile(r"(?:M|N|MA)\d{1,4}")
_MOST_TEXT = 100


class RemittanceInvalid(Invalid):
    """The file cannot be taken in; each issue names its line. Nothing of it is stored."""

    rule = "remittance"


@dataclass(frozen=True, kw_only=True)
class RemittanceLine:
    """A payer's decision of a day on one charge: dollars, reason and remark codes (`CO-97`, `M86`).

    `payer` tells the decisions of several payers on one charge apart; empty: the only one. `number` is its line in the file.
    """

    number: int
    charge: UUID
    payer: str
    decided_on: date
    claim: str
    paid: Decimal
    allowed: Decimal | None
    patient_share: Decimal | None
    carc: tuple[str, ...]
    rarc: tuple[str, ...]

    @property
    def key(self) -> tuple[UUID, str, date]:
        """A charge is decided once a day by a payer."""
        return self.charge, self.payer, self.decided_on

    @property
    def content(self) -> tuple[Any, ...]:
        """What is decided."""
        return self.claim, self.paid, self.allowed, self.patient_share, self.carc, self.rarc


@dataclass(frozen=True, kw_only=True)
class DenialCause:
    """A cause of denials: our words, the codes that tell of it, and our rules that look at the same thing."""

    key: str
    says: str
    carc: frozenset[str]
    rarc: frozenset[str]
    rules: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class DenialCauses:
    """All causes, and the reason codes that deny nothing."""

    causes: tuple[DenialCause, ...]
    not_denials: frozenset[str]

    def cause_of(self, carc: Sequence[str], rarc: Sequence[str]) -> DenialCause:
        """Return the cause of a denial; a remark decides before a reason, and unknown codes are a cause of their own."""
        reasons = [code.rpartition("-")[2] for code in carc]
        denying = [code for code in reasons if code not in self.not_denials]
        for cause in self.causes:
            if cause.rarc & set(rarc):
                return cause
        for code in denying:
            for cause in self.causes:
                if code in cause.carc:
                    return cause
        named = " ".join([*denying, *rarc])
        return DenialCause(key=named, says=f"Code {named}", carc=frozenset(denying), rarc=frozenset(rarc), rules=frozenset())


def read_remittance(data: bytes) -> list[RemittanceLine]:
    """Return the lines of a file; RemittanceInvalid lists what is wrong, by line (the header is line 1)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RemittanceInvalid("the file is not UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[tuple[int, str]] = []
    lines: list[RemittanceLine] = []
    seen: dict[tuple[UUID, str, date], int] = {}
    try:
        header = _header(next(rows, []))
        for row in rows:
            if not row:
                continue
            if len(lines) == MOST_LINES:
                raise RemittanceInvalid(f"more than {MOST_LINES} lines: send them in several files")
            line = _line(header, row, rows.line_num, problems)
            if line is None:
                continue
            if line.key in seen:
                problems.append((line.number, f"line {seen[line.key]} has a decision of the same charge, payer and date"))
            seen.setdefault(line.key, line.number)
            lines.append(line)
    except csv.Error as error:
        problems.append((rows.line_num, f"is no CSV: {error}"))
    if problems:
        raise _invalid(problems)
    if not lines:
        raise RemittanceInvalid("the file has no lines")
    return lines


def _header(names: list[str]) -> list[str]:
    missing = [name for name in REQUIRED if name not in names]
    strays = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    if missing or strays or len(set(names)) != len(names):
        told = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(strays)}"] * bool(strays)
        raise _invalid([(1, f"the header {' and '.join(told) or 'names a column twice'}")])
    return names


def _line(header: list[str], row: list[str], number: int, problems: list[tuple[int, str]]) -> RemittanceLine | None:
    """Read a line, or note what is wrong with it."""
    if len(row) != len(header):
        problems.append((number, f"has {len(row)} cells, the header {len(header)}"))
        return None
    cells = dict.fromkeys(OPTIONAL, "") | {name: value.strip() for name, value in zip(header, row, strict=True)}
    found = {name: _cell(_COLUMNS.get(name, name), read, cells, number, problems) for name, read in _READERS.items()}
    if any(number == at for at, _ in problems):
        return None
    line = RemittanceLine(number=number, **found)
    problems.extend((number, text) for text in _contradictions(line))
    return line


def _contradictions(line: RemittanceLine) -> Iterator[str]:
    if line.paid == 0 and not line.carc:
        yield "nothing was paid, and carc does not say why"
    if line.allowed is not None and line.paid > line.allowed:
        yield "more was paid than allowed"
    if line.allowed is not None and line.patient_share is not None and line.patient_share > line.allowed:
        yield "the patient's share is more than what was allowed"


def _cell(column: str, read: "_Reader", cells: Mapping[str, str], number: int, problems: list[tuple[int, str]]) -> Any:
    try:
        return read(cells[column])
    except ValueError as error:
        problems.append((number, f"{column} {error}"))
        return None


def _charge(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("is no charge identifier") from None


def _claim(text: str) -> str:
    if not text or len(text) > _MOST_TEXT:
        raise ValueError("is missing" if not text else f"has more than {_MOST_TEXT} characters")
    return text


def _payer(text: str) -> str:
    return _claim(text) if text else ""


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text) or not text.isascii():
        raise ValueError("is no amount such as 66.13")
    return Decimal(text)


def _maybe_amount(text: str) -> Decimal | None:
    return _amount(text) if text else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ValueError("is no day such as 2026-12-01") from None


def _codes(pattern: re.Pattern[str], example: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        codes = tuple(dict.fromkeys(text.replace(";", " ").split()))
        wrong = [code for code in codes if not pattern.fullmatch(code) or not code.isascii()]
        if wrong:
            raise ValueError(f"has {wrong[0]!r}, which is no code such as {example}")
        return codes

    return read


_Reader = Callable[[str], Any]
_COLUMNS = {"charge": "charge_id", "decided_on": "date", "claim": "claim_number"}
_READERS: Mapping[str, _Reader] = {
    "charge": _charge,
    "payer": _payer,
    "decided_on": _day,
    "claim": _claim,
    "paid": _amount,
    "allowed": _maybe_amount,
    "patient_share": _maybe_amount,
    "carc": _codes(_CARC, "CO-97"),
    "rarc": _codes(_RARC, "M86"),
}


def _invalid(problems: list[tuple[int, str]]) -> RemittanceInvalid:
    told = [f"line {number}: {text}" for number, text in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        told.append(f"and {len(problems) - MOST_PROBLEMS} more")
    issues = tuple(Issue(RemittanceInvalid.rule, text, text.partition(":")[0]) for text in told)
    return RemittanceInvalid("nothing was stored:\n" + "\n".join(told), issues=issues)
