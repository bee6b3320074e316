"""What is recorded beside the minutes: the roster, consents and attestations, as actions of `work.py`'s list."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from deploy.sandbox.clinic.diary import Month
from deploy.sandbox.clinic.people import PEOPLE, Practice, Practitioner, new_id
from deploy.sandbox.clinic.stories import Story
from deploy.sandbox.clinic.tables import table
from deploy.sandbox.clinic.work import Action, instant

SCRIPT = "https://millbrook.example/consent-scripts"
DISCLOSURES = ("availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services")
PRACTICE_STATEMENTS = (
    "access-24-7",
    "certified-ehr",
    "plan-sharing",
    "continuity",
    "transitions",
    "community-coordination",
    "enhanced-communication",
)


def opening(practice: Practice, month: Month) -> Iterator[Action]:
    """Yield the roster and the practice's own statements before the first enrolment, and the roster as renewed for the month."""
    lead = practice.practitioners[0]
    before = month.first - timedelta(days=345)
    for day in (before, month.first):
        for number, who in enumerate((*practice.practitioners, *practice.staff)):
            moment = month.at(day, 7) + timedelta(seconds=5 * number)
            yield {"at": instant(moment), "do": "roster.record", **_member(who, practice, month, day), "recorded_by": lead.id}
    for number, kind in enumerate(PRACTICE_STATEMENTS):
        moment = month.at(before, 9, number)
        yield {"at": instant(moment), "do": "attest", "kind": kind, "by": lead.id, "value": {"given": True}}


def papers(rng: random.Random, story: Story, practice: Practice, month: Month) -> Iterator[Action]:
    """Yield one patient's consents, the statements made at enrolment, and those that the month needs."""
    yield from _consents(rng, story, practice, month)
    yield from _at_enrolment(story)
    yield from _at_month_end(rng, story, month)


def _member(who: Practitioner, practice: Practice, month: Month, known_on: date) -> Action:
    """Return a member as known on a day: the exclusion list is checked on the second of each month."""
    since = (month.first - timedelta(days=1200)).isoformat()
    roles = {"practitioner": ["billing-practitioner"], "desk": ["biller", "auditor"]}.get(who.part, ["clinical-staff"])
    if who is practice.practitioners[0]:
        roles = [*roles, "program-lead"]
    credential: Action = {"credential": who.credential, "since": since}
    if who.credential != "non-clinical":
        credential |= {"state": "CT", "number": f"CT-{who.npi[-6:]}"}
    if who.part == "lapsed":
        credential["until"] = month.workdays[8].isoformat()
    month_starts = {(known_on - timedelta(days=number)).replace(day=1) for number in range(3, 370)}
    found: Action = {
        "practitioner": who.id,
        "name": who.name,
        "npi": who.npi,
        "roles": [{"role": role, "since": since} for role in roles],
        "credentials": [credential],
        "supervision": [],
        "locations": [{"country": "US", "state": "CT", "since": since, "attested_by": practice.practitioners[0].id}],
        "exclusion_checks": [(day + timedelta(days=1)).isoformat() for day in sorted(month_starts)],
    }
    if who.part != "practitioner":
        found["supervision"] = [{"practitioner": practice.practitioner(who.team).id, "since": since}]
    return found


def _consents(rng: random.Random, story: Story, practice: Practice, month: Month) -> Iterator[Action]:
    situation = story.situation
    if story.consent_at is None:
        return
    ccm = _consent(rng, story, practice, "ccm", story.consent_at)
    if situation.consent == "declined":
        yield {**ccm, "do": "consent.decline", "decline_reason": rng.choice(table("notes")["decline_reasons"])}
        return
    if situation.consent == "missing-disclosure":
        ccm["disclosures"] = {**ccm["disclosures"], "right-to-stop": False}
    yield ccm
    for program in sorted({part.program for part in situation.parts} & {"rpm", "pcm"}):
        yield _consent(rng, story, practice, program, story.consent_at + timedelta(minutes=2))
    if situation.consent == "revoked" and story.turn:
        received = month.at(story.turn, 12, rng.randrange(30))
        yield {
            "at": instant(received + timedelta(minutes=3)),
            "do": "consent.revoke",
            "consent": ccm["consent"],
            "received_at": instant(received),
            "channel": rng.choice(table("notes")["revocation_channels"]),
            "recorded_by": ccm["obtained_by"]["practitioner"],
        }


def _consent(rng: random.Random, story: Story, practice: Practice, program: str, given: datetime) -> Action:
    who = rng.choice([story.practitioner, *practice.team(story.practitioner.key, "team")])
    language = story.person.language
    script = {"uri": f"{SCRIPT}/{program}-{language}", "version": "2025-02", "language": language}
    if language != "en":
        script["interpreter"] = "Interpreter line"
    return {
        "at": instant(given + timedelta(seconds=rng.randint(30, 110))),
        "do": "consent.grant",
        "consent": new_id(rng),
        "patient": story.person.id,
        "program": program,
        "practitioner": story.practitioner.id,
        "method": rng.choices(["verbal", "written", "electronic"], [6, 3, 1])[0],
        "given_at": instant(given),
        "obtained_by": {"practitioner": who.id, "name": who.name, "credential": who.credential},
        "disclosures": dict.fromkeys(DISCLOSURES, True),
        "script": script,
        "other_practice": "no",
    }


def _at_enrolment(story: Story) -> Iterator[Action]:
    """Yield what the billing practitioner states once the patient is enrolled (ccm-rules E1, E2, E3, E6)."""
    at = story.enrolled + timedelta(minutes=10)
    codes = [table("conditions")[condition.key]["icd10"] for condition in story.conditions]
    values: dict[str, dict[str, Any]] = {"conditions": {"codes": codes}}
    if story.situation.risk:
        values["risk"] = {"significant": True}
    if story.situation.initiating_visit:
        visit = story.visits[0]
        seen = {"day": visit.interval[0].date().isoformat(), "practitioner": visit.practitioner.id}
        values["initiating-visit"] = {**seen, "discussed": True}
    if story.plan_on:
        values["plan-copy"] = {"day": story.enrolled.date().isoformat(), "method": "paper", "recipient": "patient"}
    for number, (kind, value) in enumerate(values.items()):
        yield _attest(at + timedelta(minutes=number), kind, story, value)


def _at_month_end(rng: random.Random, story: Story, month: Month) -> Iterator[Action]:
    """Yield lane and complexity, signed in the month itself, and the services that went beside the program."""
    situation = story.situation
    at = month.at(month.workdays[-1], 17, rng.randrange(5, 55))
    if situation.mdm:
        yield {**_attest(at, "complexity", story, {"level": situation.mdm}), "month": month.text}
    if situation.lane:
        yield {**_attest(at + timedelta(seconds=20), "lane", story, {"lane": situation.lane}), "month": month.text}
    beside = {"rpm": "99457", "pcm": "99426"}
    services = [(beside[part.program], month.last) for part in situation.parts if part.program in beside]
    services += [(visit.code, visit.interval[0].date()) for visit in story.visits if visit.code == "99495"]
    for code, day in services:
        value = {
            "code": code,
            "day": day.isoformat(),
            "npi": story.practitioner.npi,
            "tin": PEOPLE["practice"]["tin"],
            "status": "planned",
        }
        yield {**_attest(at + timedelta(seconds=40), "other-service", story, value), "month": month.text}


def _attest(at: datetime, kind: str, story: Story, value: dict[str, Any]) -> Action:
    return {
        "at": instant(at),
        "do": "attest",
        "kind": kind,
        "by": story.practitioner.id,
        "patient": story.person.id,
        "value": value,
    }
