"""From what was read to the numbers of the table, and what each of them is held against."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.demo.reading import Reading, value_of
from deploy.demo.resources import seconds_of
from deploy.demo.script import Script

RELEASED, WAITING, HELD, NOT_BILLABLE = "with charges", "waiting for a decision", "held", "not billable"
_STATES = {"review": WAITING, "hold": HELD, "deny": NOT_BILLABLE}
_EXPECTED = ("billable", "billed")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True)
class Check:
    """A number of the table beside what else says it; `ok` if all agree."""

    what: str
    said: tuple[Any, ...]

    @property
    def ok(self) -> bool:
        """Whether all say the same."""
        return all(one == self.said[0] for one in self.said)


@dataclass(frozen=True)
class Numbers:
    """The table: patients by state, consents by standing, seconds, charges and their amounts, reasons by state."""

    patients: Counter[str]
    consents: Counter[str]
    logged: Counter[tuple[str, str]]
    counted: Counter[tuple[str, str]]
    charges: Counter[tuple[str, str]]
    units: Counter[str]
    revenue: dict[str, Decimal]
    elsewhere: dict[str, Decimal]
    reasons: dict[str, Counter[str]]


def numbers(reading: Reading) -> Numbers:
    """Count what was read."""
    states = {patient: state_of(result) for patient, result in reading.results.items()}
    expected = [charge for charge in reading.charges if charge["status"] in _EXPECTED]
    valid = amounts()["valid"]
    priced = [one for one in expected if valid["since"] <= date.fromisoformat(one["occurrenceDateTime"]) <= valid["until"]]
    return Numbers(
        patients=Counter(states.values()),
        consents=Counter(reading.consents.values()),
        logged=_logged(reading),
        counted=_counted(reading),
        charges=Counter((code_of(charge), charge["status"]) for charge in reading.charges),
        units=_units(expected),
        revenue=_revenue(priced),
        elsewhere=_elsewhere(priced),
        reasons={state: _reasons(reading, states, state) for state in _STATES.values()},
    )


def checks(found: Numbers, reading: Reading, script: Script, enrolled: int) -> Iterator[Check]:
    """Yield each number with the others that must be the same."""
    yield Check("patients of the program: clinic, results, states", (enrolled, len(reading.results), found.patients.total()))
    for standing, said in sorted(Counter(script.consents.values()).items()):
        yield Check(f"consents {standing}: script, consent service", (said, found.consents[standing]))
    yield Check("consents in all: script, consent service", (len(script.consents), found.consents.total()))
    for key in sorted(script.by_basis | found.logged):
        yield Check(f"seconds {' '.join(key)}: script, Tasks", (script.by_basis[key], found.logged[key]))
    for program, seconds in sorted(_by_program(found.logged.items()).items()):
        told = sum(dict(result["assembly"]["program_seconds"]).get(program, 0) for result in reading.results.values())
        yield Check(f"seconds {program}: Tasks, billing", (seconds, told))
    for patient, (counted, named) in sorted(_evidence(reading).items()):
        yield Check(f"seconds charged for patient {patient}: billing, Tasks that the charge names", (counted, named))
    for key, count in sorted(found.charges.items()):
        totals = [_total(source["totals"], key, "charges") for source in (reading.month, reading.manifest)]
        yield Check(f"charges {' '.join(key)}: feed, month, manifest", (count, *totals))
        units = sum(_quantity(charge) for charge in reading.charges if (code_of(charge), charge["status"]) == key)
        totals = [_total(source["totals"], key, "units") for source in (reading.month, reading.manifest)]
        yield Check(f"units {' '.join(key)}: feed, month, manifest", (units, *totals))
    yield Check("charges in all: feed, manifest", (len(reading.charges), reading.manifest["charges"]))
    yield Check("charges: feed, search", (sorted(charge["id"] for charge in reading.charges), sorted(reading.searched)))


def state_of(result: dict[str, Any]) -> str:
    """Return what became of a patient's month."""
    if any(charge["status"] != "planned" for charge in result["charges"]):
        return RELEASED
    return _STATES.get(result["assembly"]["severity"], WAITING)


def code_of(charge: dict[str, Any]) -> str:
    """Return the code number of a charge."""
    code: str = charge["code"]["coding"][0]["code"]
    return code


@cache
def amounts() -> dict[str, Any]:
    """Return the dated amounts of this folder."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("amounts.yaml").read_text("utf-8"))
    return found


def _logged(reading: Reading) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for task in reading.tasks.values():
        found[value_of(task, "program"), value_of(task, "time-basis")] += seconds_of(task)
    return found


def _counted(reading: Reading) -> Counter[tuple[str, str]]:
    """Return counted seconds by lane and whether they were measured or asserted."""
    found: Counter[tuple[str, str]] = Counter()
    for result in reading.results.values():
        assembly = result["assembly"]
        asserted = assembly["asserted_seconds"]
        for lane, seconds in assembly["seconds"]:
            share = asserted if lane == (assembly["lane"] or lane) else 0
            found[lane, "asserted"] += share
            found[lane, "measured"] += seconds - share
    return found


def _evidence(reading: Reading) -> dict[str, tuple[int, int]]:
    """Return, for each patient whose charges left, the seconds of the lane and those of the Tasks that its base charge names."""
    found = {}
    for charge in reading.charges:
        if "partOf" in charge or charge["status"] not in (*_EXPECTED, "aborted"):
            continue
        patient = charge["subject"]["reference"].rpartition("/")[2]
        assembly = reading.results[patient]["assembly"]
        named = [one["reference"].removeprefix("Task/") for one in charge["supportingInformation"] if one["type"] == "Task"]
        seconds = sum(seconds_of(reading.tasks[task]) for task in named)
        found[patient] = (dict(assembly["seconds"])[assembly["lane"]], seconds)
    return found


def _by_program(logged: Iterable[tuple[tuple[str, str], int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (program, _), seconds in logged:
        found[program] += seconds
    return found


def _quantity(charge: dict[str, Any]) -> int:
    return int(charge["quantity"]["value"])


def _units(charges: Iterable[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for charge in charges:
        found[code_of(charge)] += _quantity(charge)
    return found


def _amount(units: Counter[str], side: str) -> Decimal:
    return sum((Decimal(amounts()[side][code]) * count for code, count in units.items()), Decimal(0))


def _revenue(charges: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """Return what is expected by place of service, which decides between the facility and the non-facility amount."""
    places: dict[str, list[dict[str, Any]]] = {}
    for charge in charges:
        places.setdefault(value_of(charge, "place-of-service")["code"], []).append(charge)
    return {place: _amount(_units(those), side_of(place)) for place, those in sorted(places.items())}


def _elsewhere(charges: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Return what the same charges would bring where all were paid by the side that not all of them are."""
    sides = {side_of(value_of(charge, "place-of-service")["code"]) for charge in charges}
    return {side: _amount(_units(charges), side) for side in ("non_facility", "facility") if sides != {side}}


def side_of(place: str) -> str:
    """Return which amount a place of service pays."""
    return "facility" if place in amounts()["facility_places"] else "non_facility"


def _total(totals: Iterable[dict[str, Any]], key: tuple[str, str], what: str) -> int:
    return sum(int(total[what]) for total in totals if (total["code"], total["status"]) == key)


def _reasons(reading: Reading, states: dict[str, str], state: str) -> Counter[str]:
    """Count patients of a state by their gravest finding, in the words of the first of them."""
    texts: dict[tuple[str, str], list[str]] = {}
    for patient in sorted(states):
        if states[patient] == state:
            assembly = reading.results[patient]["assembly"]
            finding = next(one for one in assembly["findings"] if one["severity"] == assembly["severity"])
            texts.setdefault((finding["rule"], finding["situation"]), []).append(finding["text"])
    return Counter({f"{rule:<6} {_common(said)}": len(said) for (rule, _), said in texts.items()})


def _common(texts: list[str]) -> str:
    said = _ID.sub("…", texts[0])
    return said if len({_ID.sub("…", text) for text in texts}) == 1 else f"such as: {said}"
