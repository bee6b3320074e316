"""The payers' rules as dated, cited data. `RuleBook.build` takes plain dictionaries (the YAML of `parameters/` as read)."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.findings import Severity
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid

LETTERS: Mapping[str, Severity | None] = {
    "i": Severity.INFO,
    "R": Severity.REVIEW,
    "H": Severity.HOLD,
    "D": Severity.DENY,
    "-": None,
}
_REQUIRED = ("description", "unit", "values", "reference", "certainty", "confidence", "last_checked_on")


@dataclass(frozen=True, slots=True)
class Reference:
    """A text that a parameter was taken from."""

    id: str
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a payer (or we) chose: `values` are (first day, value), oldest first.

    `certainty` is sourced, general knowledge or design; `confidence` H, M or L.
    """

    path: str
    description: str
    unit: str
    values: tuple[tuple[date, Any], ...]
    reference: tuple[str, ...]
    certainty: str
    confidence: str
    last_checked_on: date

    def on(self, day: date) -> Any:
        """Return the value in force on `day`; before the first one, the first (such months are held: L4, CODE)."""
        standing = self.values[0][1]
        for since, value in self.values[1:]:
            if since <= day:
                standing = value
        return standing


@dataclass(frozen=True, slots=True)
class Code:
    """A code number bound to a neutral id, with the days between which it may be billed."""

    id: str
    number: str
    system: str
    group: str
    valid_from: date
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        """Tell whether the code may carry that date of service."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Situation:
    """A row of the severity table as one payer profile reads it; severity None: the row says nothing here."""

    key: str
    severity: Severity | None
    confidence: str
    who_can_fix: str
    action: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by the id that findings and cases use: its parameters (paths, `*` for any ending) and rows of the severity table.

    `elsewhere` says why the engine does not decide it; empty: it does, and has cases.
    """

    id: str
    says: str
    references: tuple[str, ...]
    certainty: str
    confidence: str
    parameters: tuple[str, ...]
    situations: tuple[str, ...]
    elsewhere: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A payer's rules: `column` of the severity table, whether its switches are set, and its own parameters."""

    name: str
    extends: str | None
    column: str
    switches_set: bool
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Validity:
    """The days for which somebody has read the payers' text, and who (L4)."""

    valid_from: date
    valid_to: date
    status: str
    read_by: str
    read_on: date
    text: str

    def covers(self, month: CalendarMonth) -> bool:
        """Tell whether a whole month lies within, and the reading was adopted."""
        return self.status == "adopted" and self.valid_from <= month.first_day and month.last_day <= self.valid_to

    def __str__(self) -> str:
        return f"{self.valid_from} to {self.valid_to}, {self.status}"


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """All profiles, codes, situations and fees of one edition. Immutable; `content_hash` is of everything that decides.

    `adopted` are later years that a named person has read and adopted into this book.
    """

    name: str
    validity: Validity
    adopted: tuple[Validity, ...]
    rules: Mapping[str, Rule]
    references: Mapping[str, Reference]
    codes: Mapping[str, Code]
    groups: Mapping[str, str]
    profiles: Mapping[str, Profile]
    severities: Mapping[str, Mapping[str, Any]]
    fees: Mapping[str, Parameter]
    content_hash: str
    compiled: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, data: Mapping[str, Any]) -> "RuleBook":
        """Make a book of plain dictionaries: validity, rules, references, codes, groups, profiles, severities, fees.

        Raises Invalid naming what does not resolve, lacks a source or lacks a severity.
        """
        references = {key: Reference(key, row["title"], row.get("address", "")) for key, row in data["references"].items()}
        codes = {key: _code(key, row) for key, row in data["codes"].items()}
        groups = {code.number: code.group for code in codes.values()}
        for group, numbers in data["groups"].items():
            groups.update({number: group for entry in numbers for number in _expand(entry)})
        book = cls(
            name=data["name"],
            validity=Validity(**data["validity"]),
            adopted=tuple(Validity(**row) for row in data["adopted"]),
            rules={key: _rule(key, row) for key, row in data["rules"].items()},
            references=references,
            codes=codes,
            groups=groups,
            profiles={name: _profile(name, row) for name, row in data["profiles"].items()},
            severities=data["severities"],
            fees={path: _parameter(path, leaf) for path, leaf in data["fees"].items()},
            content_hash=_digest(data),
        )
        problems = list(_problems(book))
        if problems:
            raise Invalid(f"the rule book {book.name} is not sound: {problems[0]}", rule="rule-book")
        return book

    def with_profiles(self, answers: Mapping[str, Mapping[str, Any]]) -> "RuleBook":
        """Return the book with a tenant's own payer profiles: the `payers:` part of its document, by name.

        Each answer names the profile that it `extends` and its `evidence`, and may give `covers` (yes, no), `severity` (row:
        letter) and `parameters` (path: value). A plan that is answered has its switches set. Raises Invalid naming what is
        missing or does not resolve.
        """
        if not answers:
            return self
        own = {name: _answered(self, name, answer) for name, answer in answers.items()}
        digest = _digest({"book": self.content_hash, "answers": dict(answers)})
        return replace(self, profiles={**self.profiles, **own}, content_hash=digest, compiled={})

    def is_read_for(self, month: CalendarMonth) -> bool:
        """Tell whether somebody has read the payers' text for a whole month, and it was adopted (L4)."""
        return any(validity.covers(month) for validity in (self.validity, *self.adopted))

    def lineage(self, profile: str) -> tuple[Profile, ...]:
        """Return the profile and those that it extends, nearest first."""
        chain: list[Profile] = []
        name: str | None = profile
        while name is not None:
            if name not in self.profiles or any(name == earlier.name for earlier in chain):
                raise Invalid(f"payer profile {profile} extends {name}, which does not resolve", rule="payer-profile")
            chain.append(self.profiles[name])
            name = chain[-1].extends
        return tuple(chain)

    def parameter(self, profile: str, path: str) -> Parameter:
        """Return a parameter as the profile sees it; Invalid if nobody in its line has it."""
        for member in self.lineage(profile):
            if path in member.parameters:
                return member.parameters[path]
        raise Invalid(f"payer profile {profile} has no {path}", rule="rule-book")

    def situation(self, profile: str, key: str) -> Situation:
        """Return a row of the severity table for the profile; a profile may override `severity.<row>` by a parameter."""
        row = self.severities[key]
        path = f"severity.{key}"
        letter = row["severity"][self.profiles[profile].column]
        for member in self.lineage(profile):
            if path in member.parameters:
                letter = member.parameters[path].values[-1][1]
                break
        return Situation(
            key, LETTERS[letter], row["confidence"], row["who"], row["action"], (f"severities.{key}", *row["reference"])
        )

    def expected_amount(self, code: str, place_of_service: str, day: date) -> Decimal | None:
        """Return the payer's national amount of a code for forecasts, by place of service; None where it is not known."""
        facility = self.fees.get("facility_places")
        side = "facility" if facility is not None and place_of_service in facility.on(day) else "non_facility"
        amounts = self.fees.get(f"{code}.{side}")
        if amounts is None or day < amounts.values[0][0]:
            return None
        amount = amounts.on(day)
        return None if amount is None else Decimal(amount)


def _code(key: str, row: Mapping[str, Any]) -> Code:
    return Code(key, str(row["number"]), row["system"], row["group"], row["valid_from"], row.get("valid_to"))


def _rule(key: str, row: Mapping[str, Any]) -> Rule:
    lists = {name: tuple(str(each) for each in row.get(name, ())) for name in ("parameters", "situations")}
    references = tuple(row.get("sources", ()))
    return Rule(key, row["says"], references, row["certainty"], row["confidence"], **lists, elsewhere=row.get("elsewhere", ""))


def _expand(entry: str) -> list[str]:
    """Read `99495` or a run of numbers `90951-90970`, with or without a leading letter."""
    first, _, last = str(entry).partition("-")
    if not last:
        return [first]
    letter = first[:1] if first[:1].isalpha() else ""
    width = len(first) - len(letter)
    return [f"{letter}{number:0{width}d}" for number in range(int(first[len(letter) :]), int(last[len(letter) :]) + 1)]


def _profile(name: str, row: Mapping[str, Any]) -> Profile:
    parameters = {path: _parameter(path, leaf) for path, leaf in row.get("parameters", {}).items()}
    return Profile(name, row.get("extends"), row["column"], bool(row["switches_set"]), parameters)


def _answered(book: RuleBook, name: str, answer: Mapping[str, Any]) -> Profile:
    """Return the profile of a tenant's answer, each of its leaves citing the practice's evidence."""

    def refuse(what: str) -> Invalid:
        return Invalid(f"payer {name} {what}", rule="payer-profile", expression=f"payers.{name}")

    if not isinstance(answer, Mapping) or not answer.get("extends") or not answer.get("evidence"):
        raise refuse("needs extends and evidence")
    unknown = sorted(set(answer) - {"extends", "evidence", "covers", "severity", "parameters"})
    parent = book.profiles.get(str(answer["extends"]))
    if unknown or parent is None:
        raise refuse(f"has no part {unknown[0]}" if unknown else f"extends {answer['extends']}, which does not resolve")
    values = dict(answer.get("parameters") or {})
    if "covers" in answer:
        values["payer.covers"] = {True: "yes", False: "no"}.get(answer["covers"], answer["covers"])
    units = {path: book.parameter(parent.name, path).unit for path in values}
    for row, letter in (answer.get("severity") or {}).items():
        if str(row) not in book.severities or letter not in LETTERS:
            raise refuse(f"gives severity {row} as {letter}: no such row or letter")
        values[f"severity.{row}"] = letter
    since = book.validity.valid_from
    made = {
        path: Parameter(
            path, str(answer["evidence"]), units.get(path, "severity"), ((since, value),), ("PLAN",), "sourced", "M", since
        )
        for path, value in values.items()
    }
    return Profile(name, parent.name, parent.column, True, made)


def _parameter(path: str, leaf: Mapping[str, Any]) -> Parameter:
    missing = [key for key in _REQUIRED if leaf.get(key) in (None, "", {}, [])]
    if missing:
        raise Invalid(f"{path} lacks {', '.join(missing)}", rule="rule-book")
    values = tuple(sorted(((_day(since), value) for since, value in leaf["values"].items()), key=lambda pair: pair[0]))
    return Parameter(
        path=path,
        description=leaf["description"],
        unit=leaf["unit"],
        values=values,
        reference=tuple(leaf["reference"]),
        certainty=leaf["certainty"],
        confidence=leaf["confidence"],
        last_checked_on=_day(leaf["last_checked_on"]),
    )


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _problems(book: RuleBook) -> Iterator[str]:
    for name, profile in book.profiles.items():
        book.lineage(name)
        for parameter in profile.parameters.values():
            yield from (
                f"{name}: {parameter.path} cites unknown {ref}" for ref in parameter.reference if ref not in book.references
            )
            if parameter.certainty not in ("sourced", "general knowledge", "design") or parameter.confidence not in "HML":
                yield f"{name}: {parameter.path} has certainty {parameter.certainty}, confidence {parameter.confidence}"
    for rule in book.rules.values():
        yield from (f"rule {rule.id} cites unknown {ref}" for ref in rule.references if ref not in book.references)
        yield from (f"rule {rule.id} names unknown row {row}" for row in rule.situations if row not in book.severities)
    columns = {profile.column for profile in book.profiles.values()}
    for key, row in book.severities.items():
        yield from (
            f"severity row {key} has no letter for {column}" for column in columns if row["severity"].get(column) not in LETTERS
        )
        yield from (f"severity row {key} cites unknown {ref}" for ref in row["reference"] if ref not in book.references)


def _digest(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
