"""What befalls each patient: the situation drawn for them, and the days and people that follow from it."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from deploy.sandbox.clinic.diary import Month
from deploy.sandbox.clinic.people import PEOPLE, Person, Practice, Practitioner, make_person, new_id
from deploy.sandbox.clinic.tables import table

Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Part:
    """Stretches of work of one kind: how many seconds in all, whose, when, and how they are known (`situations.yaml`)."""

    seconds: tuple[int, int]
    program: str = "ccm"
    by: str = "team"
    basis: str = "usual"
    notes: str = "good"
    when: str = "any"


@dataclass(frozen=True)
class Situation:
    """One row of `situations.yaml`."""

    label: str
    parts: tuple[Part, ...]
    consent: str = "granted"
    lane: str | None = None
    mdm: str | None = None
    conditions: int | None = None
    plan: str = "signed"
    risk: bool = True
    initiating_visit: bool = True
    payers: tuple[str, ...] = ("medicare",)
    qmb: bool = False
    turn: int | None = None
    stay: bool = False
    tcm_visit: bool = False
    visit: bool = False
    overlap: bool = False


@dataclass(frozen=True)
class Condition:
    """A chronic condition of a patient: its key in `conditions.yaml`, its id in the EHR and since when."""

    key: str
    id: str
    onset: date


@dataclass(frozen=True)
class Visit:
    """A face-to-face visit: code number, whole visit as an interval, who saw the patient."""

    id: str
    code: str
    interval: Interval
    practitioner: Practitioner


@dataclass(frozen=True)
class Story:
    """A patient with everything that is decided about them before any work is placed."""

    person: Person
    situation: Situation
    practitioner: Practitioner
    conditions: tuple[Condition, ...]
    enrolled: datetime
    consent_at: datetime | None
    visits: tuple[Visit, ...]
    stay: Interval | None
    turn: date | None
    plan_on: date | None

    def days(self, when: str, month: Month) -> list[date]:
        """Return the working days for a part: never a day of a visit or of a stay unless the part asks for it."""
        closed = {visit.interval[0].date() for visit in self.visits}
        stay_days = [day for day in month.workdays if self.stay and self.stay[0].date() <= day <= self.stay[1].date()]
        if when == "stay":
            return stay_days[1:-1]
        if when == "visit":
            return [day for day in month.workdays if day in closed]
        free = [day for day in month.workdays if day not in closed and day not in stay_days]
        if when == "before":
            limit = self.stay[0].date() if self.stay else self.turn
            return [day for day in free if limit and day < limit]
        if when == "after":
            return [day for day in free if self.turn and day > self.turn]
        return free


def situations(rng: random.Random, patients: int) -> list[Situation]:
    """Return one situation for each patient: the ninety of the table shuffled, repeated if there are more patients."""
    deck = [
        Situation(**{**row, "parts": tuple(Part(**{**part, "seconds": tuple(part["seconds"])}) for part in row["parts"])})
        for row, times in ((_without_count(row), row["count"]) for row in table("situations"))
        for _ in range(times)
    ]
    dealt: list[Situation] = []
    while len(dealt) < patients:
        dealt += rng.sample(deck, len(deck))
    return dealt[:patients]


def tell(rng: random.Random, number: int, situation: Situation, practice: Practice, month: Month) -> Story:
    """Decide a patient's people and dates: enrolled one to eleven months before the month, seen on that day or shortly before."""
    practitioner = _practitioner(rng, situation, practice)
    person = make_person(rng, number, month.first)
    enrolled_on = _workday(month.first - timedelta(days=rng.randrange(25, 330)))
    seen_on = enrolled_on if rng.random() < 0.7 else _workday(enrolled_on - timedelta(days=rng.randrange(5, 60)))
    if not situation.initiating_visit:
        seen_on = _workday(enrolled_on - timedelta(days=rng.randrange(400, 600)))
    visits = [_visit(rng, month, seen_on, practitioner, rng.choice(["99213", "99214", "99214", "G0439"]), rng.randrange(8, 14))]
    if situation.initiating_visit and (month.first - seen_on).days > 120:
        again = _workday(month.first - timedelta(days=rng.randrange(8, 40)))
        visits.append(_visit(rng, month, again, practitioner, "99213", rng.randrange(8, 15)))
    turn = month.workdays[situation.turn] if situation.turn is not None else None
    stay = None
    if situation.stay and turn is not None and situation.turn is not None:
        stay = (month.at(month.workdays[situation.turn - 3], 15, 20), month.at(turn, 11, 5))
    if situation.tcm_visit and situation.turn is not None:
        seen = month.workdays[situation.turn + 6]
        visits.append(_visit(rng, month, seen, practitioner, "99495", 10))
    if situation.visit and turn is not None:
        visits.append(_visit(rng, month, turn, practitioner, "99213", 9))
    elif not situation.stay and situation.turn is None and rng.random() < 0.2:
        visits.append(_visit(rng, month, rng.choice(month.workdays), practitioner, "99213", rng.randrange(8, 15)))
    enrolled = month.at(enrolled_on, 15, rng.randrange(60), rng.randrange(60))
    plan_on = None if situation.plan == "none" else seen_on
    if situation.plan == "stale":
        plan_on = _workday(month.first - timedelta(days=420))
    return Story(
        person=person,
        situation=situation,
        practitioner=practitioner,
        conditions=_conditions(rng, situation, month.first),
        enrolled=enrolled,
        consent_at=_consent_at(situation, enrolled, turn, month),
        visits=tuple(visits),
        stay=stay,
        turn=turn,
        plan_on=plan_on,
    )


def _without_count(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "count"}
    if "payers" in kept:
        kept["payers"] = tuple(kept["payers"])
    return kept


def _practitioner(rng: random.Random, situation: Situation, practice: Practice) -> Practitioner:
    """Draw the panel by share; work that only one team's member does stays with that team."""
    special = {part.by for part in situation.parts} & {"lapsed", "desk"}
    if special:
        return next(practice.practitioner(one.team) for one in practice.staff if one.part in special)
    keys = [row["key"] for row in PEOPLE["practitioners"]]
    return practice.practitioner(rng.choices(keys, [row["share"] for row in PEOPLE["practitioners"]])[0])


def _conditions(rng: random.Random, situation: Situation, before: date) -> tuple[Condition, ...]:
    known = table("conditions")
    drawn = [key for key, row in known.items() if rng.random() * 100 < row["percent"]]
    commonest = [key for key in ("hypertension", "diabetes", "heart-failure") if key not in drawn]
    while len(drawn) < 2:
        drawn.append(commonest.pop(0))
    drawn = rng.sample(drawn, situation.conditions or min(len(drawn), 5))
    return tuple(Condition(key, new_id(rng), before - timedelta(days=rng.randrange(500, 7000))) for key in drawn)


def _consent_at(situation: Situation, enrolled: datetime, turn: date | None, month: Month) -> datetime | None:
    if situation.consent == "none":
        return None
    if situation.consent == "late" and turn is not None:
        return month.at(turn, 12, 5)
    return enrolled


def _visit(rng: random.Random, month: Month, day: date, practitioner: Practitioner, code: str, hour: int) -> Visit:
    start = month.at(day, hour, rng.choice([0, 15, 30]))
    return Visit(new_id(rng), code, (start, start + timedelta(minutes=rng.choice([20, 25, 30, 40]))), practitioner)


def _workday(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))
