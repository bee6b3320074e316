"""A month of work for the patients of a chart folder, in the sandbox clinic's field terms: who does what, when, for whom.

Each patient gets one of twelve cases in turn. What is done is kept in plain records, from which the oracle judges.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.clinic.notes import write
from deploy.sandbox.clinic.people import npi
from tests.e2e.chart import Chart

Action = dict[str, Any]

ZONE = ZoneInfo("America/New_York")
MONTH = "2026-10"
WORKDAYS = [date(2026, 10, day) for day in range(1, 32) if date(2026, 10, day).weekday() < 5]
ENROLLED_ON = date(2026, 9, 28)
NURSES = tuple(f"nurse-{number}" for number in range(4))
STATEMENTS = (
    "access-24-7", "certified-ehr", "plan-sharing", "continuity", "transitions", "community-coordination",
    "enhanced-communication",
)  # fmt: skip
_DISCLOSED = dict.fromkeys(("availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services"), True)
_NO_CONDITIONS = ("R", "S", "T", "V", "W", "X", "Y", "Z")


@dataclass(frozen=True)
class Case:
    """What befalls a patient: stretches of seconds, one a workday, and what is special."""

    name: str
    stretches: tuple[int, ...]
    consent: str = "before"
    lane: str = "clinical_staff"
    mdm: str | None = None


CASES = (
    Case("twenty to the second", (120,) * 10),
    Case("ten seconds short of twenty", (119,) * 10),
    Case("forty to the second", (200,) * 12),
    Case("a second short of forty", (200,) * 11 + (199,)),
    Case("sixty", (300,) * 12),
    Case("complex", (300,) * 12, lane="complex", mdm="moderate"),
    Case("complex, ninety", (300,) * 18, lane="complex", mdm="high"),
    Case("the practitioner's own", (180,) * 10, lane="practitioner"),
    Case("never asked", (150,) * 10, consent="none"),
    Case("asked on the sixth workday", (120,) * 5 + (125,) * 10, consent="sixth workday"),
    Case("declined", (130,) * 10, consent="declined"),
    Case("one entry amended, one void", (120,) * 9),
)


@dataclass(frozen=True)
class Done:
    """A stretch as it was worked: when it began, how long, by whom."""

    start: datetime
    seconds: int
    performer: str


@dataclass
class Patient:
    """A patient with their case, and what was done for them."""

    chart: Chart
    case: Case
    consented_at: datetime | None = None
    done: list[Done] = field(default_factory=list)

    @property
    def chronic(self) -> list[str]:
        """Codes of conditions: neither symptoms nor injuries nor circumstances."""
        return [code for code in self.chart.conditions if not code.startswith(_NO_CONDITIONS)]


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a local instant."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE)


def script(charts: list[Chart]) -> tuple[list[Patient], list[Action]]:
    """Return the patients with their cases, and everything that is done before and in the month, in order of time."""
    patients = [Patient(chart, case) for chart, case in zip(charts, cycle(CASES), strict=False)]
    practitioners = sorted({patient.chart.practitioner for patient in patients})
    actions = [*_roster(practitioners), *_practice(practitioners[0])]
    rng = random.Random("the month's notes")
    for number, patient in enumerate(patients):
        actions += _papers(patient, number)
    busy: dict[tuple[str, date], datetime] = {}
    for turn in range(max(len(case.stretches) for case in CASES)):
        for number, patient in enumerate(patients):
            if turn < len(patient.case.stretches):
                actions += _stretch(patient, number, turn, busy, rng)
    return patients, sorted(actions, key=lambda action: datetime.fromisoformat(action["at"]))


def _roster(practitioners: list[str]) -> Iterator[Action]:
    rng = random.Random("the roster's numbers")
    checks = [f"2026-{number:02d}-02" for number in range(1, 10)]
    for number, who in enumerate((*practitioners, *NURSES)):
        nurse = who in NURSES
        credential = {"credential": "registered-nurse" if nurse else "physician", "since": "2020-01-01", "state": "MA"}
        supervision = [{"practitioner": one, "since": "2020-01-01"} for one in practitioners] if nurse else []
        roles = ["clinical-staff"] if nurse else ["billing-practitioner"]
        yield {
            "at": at(date(2026, 9, 21), 8, number // 60, number % 60).isoformat(),
            "do": "roster.record",
            "practitioner": who,
            "name": f"Colleague {number}",
            "npi": npi(rng),
            "roles": [{"role": role, "since": "2020-01-01"} for role in roles],
            "credentials": [credential],
            "supervision": supervision,
            "locations": [{"country": "US", "state": "MA", "since": "2020-01-01", "attested_by": practitioners[0]}],
            "exclusion_checks": checks,
        }


def _practice(lead: str) -> Iterator[Action]:
    for number, kind in enumerate(STATEMENTS):
        moment = at(date(2026, 9, 21), 10, number)
        yield {"at": moment.isoformat(), "do": "attest", "kind": kind, "by": lead, "value": {"given": True}}


def _papers(patient: Patient, number: int) -> Iterator[Action]:
    """Yield the consent, and what the practitioner states of the patient at enrolment and at the month's end."""
    chart, case = patient.chart, patient.case
    given = at(WORKDAYS[5] if case.consent == "sixth workday" else ENROLLED_ON, 8, number // 2, 30 * (number % 2))
    if case.consent != "none":
        yield _consent(patient, given, granted=case.consent != "declined")
    if case.consent in ("before", "sixth workday"):
        patient.consented_at = given
    stated = at(ENROLLED_ON, 10, number // 2, 30 * (number % 2))
    values: dict[str, Action] = {
        "risk": {"significant": True},
        "initiating-visit": {"day": chart.last_visit, "practitioner": chart.practitioner, "discussed": True},
        "care-plan": {"day": ENROLLED_ON.isoformat()},
        "plan-copy": {"day": ENROLLED_ON.isoformat(), "method": "paper"},
    }
    if len(patient.chronic) >= 2:
        values["conditions"] = {"codes": patient.chronic[:12]}
    for kind, value in values.items():
        yield _attest(patient, stated, kind, value)
    signed = at(WORKDAYS[-1], 17, number // 2, 30 * (number % 2))
    if case.mdm:
        yield {**_attest(patient, signed, "complexity", {"level": case.mdm}), "month": MONTH}
    if case.lane != "clinical_staff":
        yield {**_attest(patient, signed, "lane", {"lane": case.lane}), "month": MONTH}


def _attest(patient: Patient, moment: datetime, kind: str, value: Action) -> Action:
    who, whose = patient.chart.practitioner, patient.chart.patient
    return {"at": moment.isoformat(), "do": "attest", "kind": kind, "by": who, "patient": whose, "value": value}


def _consent(patient: Patient, given: datetime, *, granted: bool) -> Action:
    chart = patient.chart
    said: Action = {
        "at": (given + timedelta(seconds=20)).isoformat(),
        "do": "consent.grant" if granted else "consent.decline",
        "consent": f"consent-{chart.patient}",
        "patient": chart.patient,
        "program": "ccm",
        "practitioner": chart.practitioner,
        "method": "verbal",
        "given_at": given.isoformat(),
        "obtained_by": {"practitioner": NURSES[0], "name": "Colleague", "credential": "registered-nurse"},
        "disclosures": _DISCLOSED,
        "script": {"uri": "https://harrow.example/script", "version": "1", "language": "en"},
        "other_practice": "no",
    }
    return said if granted else {**said, "decline_reason": "would rather not"}


def _stretch(
    patient: Patient, number: int, turn: int, busy: dict[tuple[str, date], datetime], rng: random.Random
) -> Iterator[Action]:
    """Yield one timer's start and stop on a workday of its own, as soon as its performer is free."""
    chart, seconds, day = patient.chart, patient.case.stretches[turn], WORKDAYS[turn]
    own = patient.case.lane == "practitioner"
    performer = chart.practitioner if own else NURSES[number % len(NURSES)]
    start = busy.get((performer, day), at(day, 9))
    busy[performer, day] = start + timedelta(seconds=seconds + 30)
    patient.done.append(Done(start, seconds, performer))
    timer = f"timer-{number}-{turn}"
    note = write(rng, "good", rng.choice(("hypertension", "diabetes", "hyperlipidemia")), day, seconds)
    yield {
        "at": start.isoformat(),
        "do": "timer.start",
        "timer": timer,
        "performer": performer,
        "role": "physician" if own else "registered-nurse",
        "patient": chart.patient,
        "program": "ccm",
        "activity": note.activity,
        "directed_by": chart.practitioner,
    }
    yield {
        "at": (start + timedelta(seconds=seconds)).isoformat(),
        "do": "timer.stop",
        "timer": timer,
        "note": f"{note.text} {aside(rng)}",
        "action_taken": note.action_taken,
        "clinical_relevance": note.clinical_relevance,
        "problem": next(iter(chart.conditions.values()), "unknown"),
    }


_TALK = """
    garden tomatoes fishing quilting chess choir birdwatching baseball crossword bingo knitting poker accordion canasta
    orchids beekeeping woodcarving bowling genealogy stamps harmonica pottery scrabble kites origami archery dominoes
    sudoku trains ballads lighthouse canoe sourdough marmalade telescope seashells puppets limericks waltz mandolin
"""


def aside(rng: random.Random) -> str:
    """Return what the patient also spoke of, in four words drawn anew: notes alike in six hundred would wait for a person."""
    return f"Spoke of {', '.join(rng.sample(_TALK.split(), 4))}."
