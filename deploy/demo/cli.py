"""`python -m deploy.demo`: works a clinic's month against a deployment, over HTTP only, and shows what came of it."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from deploy.demo.api import Api, Unexpected
from deploy.demo.clock import Clock
from deploy.demo.closing import assemble, attest, pull_and_acknowledge
from deploy.demo.month_work import MonthWork
from deploy.demo.numbers import checks, numbers
from deploy.demo.progress import Progress
from deploy.demo.reading import read_month
from deploy.demo.script import Script, read_script
from deploy.demo.table import table, verdict
from deploy.demo.timeline import Action, moment, timeline

SCOPES = {
    "ehr": "system/Consent.crus system/Task.crus",
    "staff": "careledger/timers careledger/roster careledger/attest",
    "biller": "system/ChargeItem.rus",
}


@dataclass(frozen=True)
class Clinic:
    """The clinic's files: its month, who works there, what they do, and who is enrolled."""

    month: str
    practice: dict[str, Any]
    work: list[Action]
    patients: list[str]

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its days and months."""
        return ZoneInfo(self.practice["zone"])

    @property
    def signers(self) -> list[str]:
        """The billing practitioners."""
        return [one["id"] for one in self.practice["people"] if one["part"] == "practitioner"]

    @property
    def first_workday_after(self) -> datetime:
        """Nine o'clock of the first workday after the month."""
        day = (self._first + timedelta(days=32)).replace(day=1)
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)
        return datetime(day.year, day.month, day.day, 9, tzinfo=self.zone)

    def week_of(self, action: Action) -> str:
        """Name the part of the script to which an action belongs: the time before, or a week of the month."""
        day = moment(action).astimezone(self.zone).date()
        if day < self._first:
            return "before the month"
        monday = max(day - timedelta(days=day.weekday()), self._first)
        return f"week of {monday.day} {monday:%B}"

    @property
    def _first(self) -> date:
        return date.fromisoformat(self.month + "-01")


def main(arguments: Sequence[str] | None = None) -> int:
    """Work the month if it was not worked before, print the table; status 0 only if every number was confirmed."""
    options = _parser().parse_args(arguments)
    clinic = _read(options.clinic)
    script = read_script(clinic.work, clinic.patients)
    began = time.monotonic()
    with httpx.Client(timeout=60) as http:
        ehr, staff, biller = (
            Api(http, options.base, options.tenant, name, options.keys / f"{name}.pem", scope) for name, scope in SCOPES.items()
        )
        try:
            _work(clinic, script, ehr, staff, biller, Clock(options.clock), Progress(options.progress))
            reading = read_month(ehr, staff, biller, clinic.month, clinic.zone, clinic.patients)
        except (Unexpected, httpx.HTTPError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
    found = numbers(reading)
    said, confirmed = verdict(checks(found, reading, script, len(clinic.patients)))
    print(f"\n{table(found, practice=clinic.practice['name'], month=clinic.month)}\n\n{said}")
    print(f"in {time.monotonic() - began:.0f} seconds\n")
    return 0 if confirmed else 1


def _work(clinic: Clinic, script: Script, ehr: Api, staff: Api, biller: Api, clock: Clock, progress: Progress) -> None:
    if progress.finished:
        _say(f"{clinic.month} is there already: reading it back")
        return
    _say(f"{clinic.practice['name']} works {clinic.month} for {len(clinic.patients)} patients")
    MonthWork(ehr, staff, clock, progress, _say).run(timeline(clinic.work), clinic.week_of)
    clock.set(clinic.first_workday_after)
    answer = assemble(staff, clinic.month, script.logged)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(answer["outcomes"].items()))
    _say(f"  {'assembled':<24} {answer['results']} results: {outcomes}")
    _say(f"  {'signed':<24} {attest(staff, clinic.month, clinic.signers)} charges by {len(clinic.signers)} practitioners")
    pull_and_acknowledge(biller, clinic.month, _say)
    progress.finish()


def _say(text: str) -> None:
    print(text, flush=True)


def _read(folder: Path) -> Clinic:
    practice, work, expected = (json.loads((folder / f"{name}.json").read_bytes()) for name in ("practice", "work", "expected"))
    return Clinic(practice["month"], practice, work, [one["patient"] for one in expected])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--base", required=True, help="the deployment's public URL")
    parser.add_argument("--tenant", required=True, help="the practice's name in addresses")
    parser.add_argument("--keys", type=Path, required=True, help="folder with ehr.pem, staff.pem and biller.pem")
    parser.add_argument("--clinic", type=Path, required=True, help="folder that the sandbox generated")
    parser.add_argument("--clock", type=Path, required=True, help="file of the deployment's development clock")
    parser.add_argument("--progress", type=Path, required=True, help="file that remembers how far the month was worked")
    return parser
