"""`python -m tests.integration.crash_walk [--seed N] [--rounds N]`: a crash at every step from the minute to the billed charge.

Sixteen nurses write their time at once, one billing system pulls and acknowledges, one mirror follows the change feed. At each
step the process that works on it is killed, or PostgreSQL is, in a month of its own. In the end every charge is billed once, none
is missed and none is billed twice, whatever was lost on the way.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.resources import extension_of, time_entry
from tests.integration.billing.world import ADA, PRACTICE_STATEMENTS
from tests.integration.faults.deployment import Deployment, deployment, wait_until
from tests.integration.faults.month import _STATEMENTS, CHARTS, DECLINED, MONTH, PATIENTS, Door, Json, Month, at

POSTGRES = ("postgres",)
DOORS = ("doors",)
WORKS_ON: Mapping[str, tuple[str, ...]] = {
    "log": DOORS,
    "publish": ("relay", "timetrack"),
    "take-in": ("consume", "billing"),
    "assemble": DOORS,
    "attest": DOORS,
    "number": ("relay", "billing"),
    "pull": DOORS,
    "acknowledge": DOORS,
    "follow": DOORS,
}
"""Which process works on each step."""

CRASHES = [(step, victim) for step, process in WORKS_ON.items() for victim in (process, POSTGRES)]
WRITERS, ENTRIES, PULLED = 16, 3, 3
PEOPLE = tuple(patient for patient in PATIENTS if patient != DECLINED)
DRUGS = ("amlodipine", "atorvastatin", "bisoprolol", "candesartan", "carvedilol", "chlorthalidone", "doxazosin", "enalapril",
         "felodipine", "furosemide", "indapamide", "lisinopril", "losartan", "metoprolol", "ramipril", "valsartan")  # fmt: skip
_WIDTH = 0.12
_PATIENCE = 90.0


class StubbornDoor(Door):
    """A client that takes a lost answer for a "later": everything that it sends may be sent again."""

    def _ask_once(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = super()._ask_once(method, path, **options)
        except httpx.TransportError:
            return httpx.Response(503, text="no answer")
        return httpx.Response(503, text=answer.text) if answer.status_code == 429 else answer


@dataclass
class Biller:
    """The billing system: it knows a charge by its identifier and sends one claim for each, once."""

    door: Door
    arrive: Callable[[str], None]
    claims: dict[str, str] = field(default_factory=dict)
    applied: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def work(self) -> bool:
        """Pull a few charges that wait and acknowledge them; tell whether there were any."""
        self.arrive("pull")
        page = self.door.ask("GET", f"/fhir/R4/ChargeItem?status=billable&_count={PULLED}", expect=(200,)).json()
        waiting = [entry["resource"]["identifier"][0]["value"] for entry in page.get("entry", ())]
        if not waiting:
            return False
        for charge in waiting:
            self.claims.setdefault(charge, f"CLAIM-{len(self.claims) + 1}")
        body = {"resourceType": "Parameters", "parameter": [_billed(charge, self.claims[charge]) for charge in waiting]}
        self.arrive("acknowledge")
        told = self.door.ask("POST", "/fhir/R4/ChargeItem/$acknowledge", json=body, expect=(200,)).json()
        results = [
            next(part["valueCode"] for part in parameter["part"] if part["name"] == "result")
            for parameter in told["parameter"]
            if parameter["name"] == "item"
        ]
        self.answers.update(results)
        self.applied.update(charge for charge, result in zip(waiting, results, strict=True) if result == "applied")
        return True


@dataclass
class Mirror:
    """A reader of the change feed: what it holds of each charge, and every version that it was told, in order."""

    door: Door
    arrive: Callable[[str], None]
    position: str = "0"
    told: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def follow(self) -> bool:
        """Read the next page; tell whether it held anything."""
        self.arrive("follow")
        page = self.door.ask("GET", f"/fhir/R4/ChargeItem?-after={self.position}&_count=4", expect=(200,)).json()
        for entry in page.get("entry", ()):
            one = entry["resource"]
            self.told.setdefault(one["id"], []).append((int(one["meta"]["versionId"]), one["status"]))
        onward = next(link["url"] for link in page["link"] if link["relation"] in ("next", "resume"))
        self.position = httpx.URL(onward).params["-after"]
        return bool(page.get("entry"))


class Walk(Month):
    """A month with sixteen writers, a billing system and a mirror, and a crash at some of its steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.door = StubbornDoor(self.place, self.tenant)
        self._reached = {step: threading.Event() for step in WORKS_ON}
        self.biller = Biller(StubbornDoor(self.place, self.tenant), self.arrive)
        self.mirror = Mirror(StubbornDoor(self.place, self.tenant), self.arrive)
        self._over = threading.Event()
        self._failed: list[BaseException] = []

    def arrive(self, step: str) -> None:
        """Say that the work has come to a step."""
        self._reached[step].set()

    def prepare(self) -> None:
        """Record the staff, what the practice states, consents and what is said of each patient; nothing is hurt yet."""
        self.place.clock.set(at(-9, 12))
        for who, credential, role in (
            (ADA, "physician", "billing-practitioner"),
            *((_nurse(n), "registered-nurse", "clinical-staff") for n in range(WRITERS)),
        ):
            self._record(who, _member(who, credential, role))
        for kind in PRACTICE_STATEMENTS:
            self._state(kind, {"given": True})
        self.place.clock.set(at(-3, 17))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._enrol, PEOPLE))

    def _enrol(self, patient: str) -> None:
        self._consent(patient, at(-3, 16))
        for kind, value in _STATEMENTS:
            self._state(kind, value, patient)

    def walk(self, crashes: Mapping[str, tuple[str, ...]], rng: random.Random) -> None:
        """Work the month while each step of `crashes` loses what is named there; whatever went wrong is raised here."""
        threads = [threading.Thread(target=self._keeping(work), daemon=True) for work in (self._work, self._bill, self._follow)]
        for thread in threads:
            thread.start()
        for step in [step for step in WORKS_ON if step in crashes]:
            while not self._reached[step].wait(0.02) and not self._failed and threads[0].is_alive():
                pass
            time.sleep(rng.uniform(0, _WIDTH))
            strike(self.place, crashes[step])
        for thread in threads:
            thread.join(3 * _PATIENCE)
        if self._failed:
            raise self._failed[0]
        assert not any(thread.is_alive() for thread in threads), "the month did not come to its end"

    def _work(self) -> None:
        """Write the time, decide the month and sign it: the first half of the patients, then all."""
        self.place.clock.set(at(28, 22))
        with ThreadPoolExecutor(WRITERS) as pool:
            for turn, step in enumerate(("log", "publish", "take-in")):
                self.arrive(step)
                list(pool.map(partial(self._write, turn), range(WRITERS)))
        self._settle()
        self.place.clock.set(at(35, 12))
        self.arrive("assemble")
        self._assemble()
        while self._answer_reviews():
            self._assemble()
        half = [patient for number, patient in enumerate(PEOPLE) if number % 2]
        for step, patients in (("attest", half), ("number", None)):
            self.arrive(step)
            self.door.ask("POST", f"/billing/months/{MONTH}/attest", json={"by": ADA, "patients": patients}, expect=(200,))
        wait_until(lambda: len(self._billed()) == len(expected_charges()), "every charge is billed")
        self._over.set()

    def _write(self, turn: int, writer: int) -> None:
        start, minutes = _stretch(turn, writer)
        patient, end = _patient_of(writer), start + timedelta(minutes=minutes)
        drug, place = DRUGS[writer], ("pharmacy", "daughter", "clinic")[turn]
        action = {
            "do": "time.log", "entry": f"entry-{writer}-{turn}", "patient": patient, "program": "ccm", "role": "registered-nurse",
            "performer": _nurse(writer), "activity": "medication-management", "directed_by": ADA, "problem": f"{patient}-htn",
            "start": start.isoformat(), "end": end.isoformat(), "asserted_reason": "kept on paper",
            "note": f"BP {130 + writer}/{70 + turn}, skipped {drug} for days, ran out. Called {place} for a refill of {drug}.",
            "action_taken": f"called the {place} about {drug}", "clinical_relevance": f"pressure {130 + writer} without {drug}",
        }  # fmt: skip
        self.door.ask("POST", "/fhir/R4/Task", json=time_entry(action), expect=(200, 201))

    def _answer_reviews(self) -> int:
        """Answer what waits for a person's decision; return how many there were."""
        answered = 0
        for result in self.door.ask("GET", f"/billing/months/{MONTH}", expect=(200,)).json()["results"]:
            for found in result["assembly"]["findings"]:
                if found["severity"] == "review" and not found["decided"] and found["key"] in result["reviews"]:
                    decision = "add" if found["concerns"] == "time" else "bill"
                    body = {"decision": decision, "reason": "seen in the paper diary", "by": ADA}
                    self.door.ask("POST", f"/billing/reviews/{result['reviews'][found['key']]}", json=body, expect=(200,))
                    answered += 1
        return answered

    def _bill(self) -> None:
        while not self._over.is_set():
            if not self.biller.work():
                time.sleep(0.05)

    def _follow(self) -> None:
        while self.mirror.follow() or not self._over.is_set():
            time.sleep(0.02)
        while self.mirror.follow():
            pass

    def _billed(self) -> list[tuple[Any, ...]]:
        return self.place.rows("billing", "SELECT id FROM charge WHERE tenant_id = %s AND status = 'billed'", self.tenant_id)

    def _keeping(self, work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._failed.append(error)
                self._over.set()

        return run

    def check(self) -> None:
        """Assert that every charge is billed once: by the API, the billing system's book, the mirror, and the rows beneath."""
        assert self.place.dead() == []
        charges = self.door.find("ChargeItem")
        ids = {one["id"] for one in charges}
        assert sorted(map(_plain, charges)) == expected_charges()
        for one in charges:
            assert (one["status"], one["meta"]["versionId"]) == ("billed", "2")
            assert extension_of(one, "claim")["valueIdentifier"]["value"] == self.biller.claims[one["id"]]
        assert set(self.biller.claims) == ids and len(set(self.biller.claims.values())) == len(ids), (
            "a claim for each, and no other"
        )
        assert set(self.biller.answers) <= {"applied", "already"}
        assert max(self.biller.applied.values()) == 1
        assert set(self.mirror.told) == ids, "the feed missed none"
        for versions in self.mirror.told.values():
            assert versions == sorted(set(versions)), "the feed never goes back and tells nothing twice"
            assert versions[-1] == (2, "billed")
        self._check_rows(len(ids))

    def _check_rows(self, count: int) -> None:
        told = self.place.rows(
            "billing",
            "SELECT event_type, count(*), count(DISTINCT aggregate) FROM journal WHERE tenant_id = %s"
            " AND event_type LIKE 'ccm.charge-item.%%' GROUP BY 1 ORDER BY 1",
            self.tenant_id,
        )
        assert told == [("ccm.charge-item.billable.v1", count, count), ("ccm.charge-item.billed.v1", count, count)]
        query = "SELECT count(*), count(DISTINCT feed_seq), min(feed_seq), max(feed_seq) FROM charge_version WHERE tenant_id = %s"
        numbers = self.place.rows("billing", query, self.tenant_id)
        assert numbers == [(2 * count, 2 * count, 1, 2 * count)], "numbered without a gap"


def strike(place: Deployment, victim: tuple[str, ...]) -> None:
    """Kill a process, or PostgreSQL, without warning, and start it again."""
    if victim == POSTGRES:
        place.restart_postgres()
    elif victim == DOORS:
        place.restart(*_doors(place))
    else:
        place.restart(*victim)


def _doors(place: Deployment) -> tuple[str, str]:
    return "doors", place.base_url.rpartition(":")[2]


def expected_charges() -> list[tuple[str, str, int]]:
    """Return patient, code and units of what the writers' minutes earn: the base at 20, an add-on each further 20, at most 2."""
    minutes: Counter[str] = Counter()
    for writer in range(WRITERS):
        minutes[_patient_of(writer)] += sum(_stretch(turn, writer)[1] for turn in range(ENTRIES))
    charges = [(patient, "99490", 1) for patient, total in minutes.items() if total >= 20]
    charges += [(patient, "99439", min((total - 20) // 20, 2)) for patient, total in minutes.items() if total >= 40]
    return sorted(charges)


def _plain(charge: Json) -> tuple[str, str, int]:
    patient = charge["subject"]["reference"].rpartition("/")[2]
    return patient, charge["code"]["coding"][0]["code"], charge["quantity"]["value"]


def _nurse(writer: int) -> str:
    return f"rn-{writer:02d}"


def _patient_of(writer: int) -> str:
    return PEOPLE[writer % len(PEOPLE)]


def _stretch(turn: int, writer: int) -> tuple[datetime, int]:
    """Return start and minutes of a writer's entry: no two of one patient meet, no two patients have the same total."""
    return at(28, 10 + turn + ENTRIES * (writer // len(PEOPLE))), (7 + writer, 9, 6)[turn]


def _member(who: str, credential: str, role: str) -> Json:
    return {
        "name": who, "npi": "1245319599" if who == ADA else None,
        "roles": [{"role": role, "since": "2025-01-01"}],
        "credentials": [{"credential": credential, "since": "2025-01-01", "state": "CT"}],
        "supervision": [] if who == ADA else [{"practitioner": ADA, "since": "2025-01-01"}],
        "locations": [{"country": "US", "state": "CT", "since": "2025-01-01", "attested_by": ADA}],
        "exclusion_checks": [f"2026-{month:02d}-01" for month in range(1, 10)],
    }  # fmt: skip


def _billed(charge: str, claim: str) -> Json:
    return {
        "name": "item",
        "part": [
            {"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge}"}},
            {"name": "outcome", "valueCode": "billed"},
            {"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": claim}},
        ],
    }


def walk_once(place: Deployment, tenant: str, crashes: Mapping[str, tuple[str, ...]], seed: str) -> float:
    """Work one month of a new practice through `crashes` and check it; return the seconds of its working part."""
    place.open_practice(tenant)
    month = Walk(place, tenant)
    month.prepare()
    began = time.monotonic()
    month.walk(crashes, random.Random(seed))
    took = time.monotonic() - began
    month.check()
    return took


def main() -> int:
    """Walk through every step and both kinds of crash, round after round; status 1 at the first month that ends otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.crash_walk", description=__doc__)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", choices=list(WORKS_ON), help="only this step; may be repeated")
    options = parser.parse_args()
    print(f"seed {options.seed}: {len(expected_charges())} charges from {WRITERS} writers", flush=True)
    with tempfile.TemporaryDirectory(prefix="clf") as folder, deployment(Path(folder) / "d", CHARTS) as place:
        for number in range(options.rounds):
            for index, (step, victim) in enumerate(CRASHES):
                if options.only and step not in options.only:
                    continue
                seed = f"{options.seed}/{number}/{index}"
                try:
                    took = walk_once(place, f"walk-{number}-{index}", {step: victim}, seed)
                except AssertionError:
                    said = f"{traceback.format_exc()}\n{place.log(*_doors(place))[-4000:]}"
                    print(f"{step}, {' '.join(victim)} killed (seed {seed}):\n{said}", flush=True)
                    return 1
                print(f"{step}, {' '.join(victim)} killed: every charge billed once, {took:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
