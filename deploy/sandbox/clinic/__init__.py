"""A synthetic clinic drawn from a seed: its records in FHIR, a month of its work, and what was meant by each patient."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from deploy.sandbox.clinic.diary import Diary, Month
from deploy.sandbox.clinic.paperwork import opening, papers
from deploy.sandbox.clinic.people import PEOPLE, Practice, make_practice
from deploy.sandbox.clinic.record import bundle, patient_records, practice_records
from deploy.sandbox.clinic.stories import Story, situations, tell
from deploy.sandbox.clinic.work import Action, Worker

ZONE = "America/New_York"


@dataclass(frozen=True)
class Clinic:
    """A clinic's files: `bundles` by file stem, `practice` (who is who), `work` in order of time, `expected` by patient."""

    bundles: dict[str, dict[str, Any]]
    practice: dict[str, Any]
    work: list[Action]
    expected: list[dict[str, Any]]


def generate(seed: int = 2026, month: str = "2026-10", patients: int = 90) -> Clinic:
    """Draw a clinic: the same arguments give the same clinic, on any machine.

    `month` is `YYYY-MM`, read in America/New_York; `patients` are the enrolled of that month.
    """
    calendar = Month(month, ZoneInfo(ZONE))
    rng = random.Random(f"{seed}/practice")  # noqa: S311 - a drawing that must be repeatable
    practice = make_practice(rng, patients)
    diary = Diary(calendar)
    bundles = {"practice": bundle(practice_records(practice, calendar))}
    work = list(opening(practice, calendar))
    workers = []
    for number, situation in enumerate(situations(rng, patients), start=1):
        own = random.Random(f"{seed}/{number}")  # noqa: S311
        story = tell(own, number, situation, practice, calendar)
        bundles[f"patient-{number:05d}"] = bundle(patient_records(story, practice, calendar))
        work += papers(own, story, practice, calendar)
        workers.append(Worker(own, story, practice, calendar, diary))
    for worker in sorted(workers, key=lambda one: one.turn_in_line):
        worker.work()
        work += worker.actions
    expected = [_expected(worker.story, worker.seconds) for worker in workers]
    work.sort(key=lambda action: str(action["at"]))
    return Clinic(bundles, _who(practice, calendar), work, expected)


def write_clinic(clinic: Clinic, folder: Path) -> str:
    """Write the clinic's files and return the SHA-256 over their names and bytes, in order of name.

    `fhir/*.json` (transaction Bundles), `practice.json`, `work.json`, `expected.json`; what the folder held of such files before
    is replaced.
    """
    (folder / "fhir").mkdir(parents=True, exist_ok=True)
    for stale in (folder / "fhir").glob("*.json"):
        stale.unlink()
    files: dict[str, Any] = {f"fhir/{name}.json": content for name, content in clinic.bundles.items()}
    files |= {"practice.json": clinic.practice, "work.json": clinic.work, "expected.json": clinic.expected}
    digest = hashlib.sha256()
    for name in sorted(files):
        body = orjson.dumps(files[name], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        (folder / name).write_bytes(body)
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()


def _expected(story: Story, seconds: dict[str, int]) -> dict[str, Any]:
    return {
        "patient": story.person.id,
        "mrn": story.person.mrn,
        "practitioner": story.practitioner.id,
        "label": story.situation.label,
        "minutes": {program: f"{total // 60}:{total % 60:02d}" for program, total in seconds.items()},
    }


def _who(practice: Practice, month: Month) -> dict[str, Any]:
    """Return what a tenant's settings need to know of the practice."""
    people = [*practice.practitioners, *practice.staff]
    return {
        "name": PEOPLE["practice"]["name"],
        "organization": practice.organization,
        "npi": practice.organization_npi,
        "tin": PEOPLE["practice"]["tin"],
        "zone": month.zone.key,
        "month": month.text,
        "payers": [{"id": PEOPLE["payers"][key]["id"], "organization": one} for key, one in practice.payers.items()],
        "people": [
            {"id": one.id, "npi": one.npi, "name": one.name, "credential": one.credential, "part": one.part} for one in people
        ],
    }
