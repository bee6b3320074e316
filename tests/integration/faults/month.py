"""The month of a small clinic, October 2026, fed over HTTP step by step, each step repeatable; and what came of it."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import httpx

from deploy.demo.resources import CONSENT_IDS, EXTENSION, TIME_ENTRY_IDS, consent, extension_of, revoked, time_entry
from deploy.sandbox.clinic.notes import write
from deploy.sandbox.clinic.tables import table
from shared.smart.ehr_tokens import client_assertion
from tests.integration.billing.world import ADA, BO, PRACTICE_STATEMENTS, chart
from tests.integration.faults.deployment import CLIENT, Deployment, wait_until

Json = dict[str, Any]
Step = tuple[datetime, Callable[[], None]]

MONTH = "2026-10"
PATIENTS = tuple(f"p{number:02d}" for number in range(12))
CHARTS = [resource for patient in PATIENTS for resource in chart(patient)]
MINUTES = ((12, 13), (20, 25), (30, 20, 15), (10, 9), (25,), (11, 14), (15, 5), (25, 25), (31, 29), (22,), (21, 20), (7, 7, 7))
DECLINED, REVOKED, AMENDED, VOIDED, LATE_CONSENT = "p04", "p05", "p06", "p07", "p09"
_STATEMENTS: tuple[tuple[str, Json], ...] = (
    ("risk", {"significant": True}),
    ("conditions", {"codes": ["E11.9", "I10"]}),
    ("initiating-visit", {"day": "2026-01-20", "practitioner": ADA, "discussed": True}),
    ("plan-copy", {"day": "2026-01-20", "method": "paper", "recipient": "patient"}),
)
_CONDITIONS = tuple(table("notes")["good"])
_SLOT = timedelta(minutes=35)
_PATIENCE = 90.0
_TOKEN_SECONDS = 200
_TOLD = dict.fromkeys(("availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services"), True)
_LEDGER = "SELECT aggregate, version FROM ledger_entry WHERE tenant_id = %s AND kind IN ('consent', 'time-entry', 'staff-member')"
_TOLD_ROWS = "SELECT split_part(event_type, '.', 2) || '/' || aggregate, version FROM journal WHERE tenant_id = %s"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return an instant of October 2026, or (day below 1) of the days before."""
    return datetime(2026, 10, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1)


class Door:
    """The practice's client: asks again until the deployment answers."""

    def __init__(self, place: Deployment, tenant: str) -> None:
        self._http = place.http
        self._root = f"{place.base_url}/t/{tenant}"
        self._key = place.key
        self._client = f"{CLIENT}-{tenant}"
        self._token, self._until = "", 0.0

    def ask(self, method: str, path: str, *, expect: tuple[int, ...], **options: Any) -> httpx.Response:
        """Return the answer once it is none of "later"; AssertionError if its status is not expected."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer = self._ask_once(method, path, **options)
            if answer.status_code != 503 or time.monotonic() > deadline:
                assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
                return answer
            time.sleep(0.05)

    def is_known(self, path: str) -> bool:
        """Tell whether the service that serves `path` has read of practice and client, a second after their events at most."""
        return self.ask("GET", path, expect=(200, 401, 404)).status_code == 200

    def _ask_once(self, method: str, path: str, **options: Any) -> httpx.Response:
        if time.monotonic() > self._until:
            answer = self._sign_in()
            if answer.status_code != 200:
                return answer
            self._token, self._until = answer.json()["access_token"], time.monotonic() + _TOKEN_SECONDS
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        if "/fhir/" in path:
            headers["Content-Type"] = "application/fhir+json"
        return self._http.request(method, self._url(path), headers=headers, **options)

    def _sign_in(self) -> httpx.Response:
        url = self._url("/auth/token")
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": client_assertion(self._key, self._client, url),
            "scope": "system/Consent.crus system/Task.crus system/ChargeItem.rus careledger/roster careledger/attest",
        }
        return self._http.post(url, data=form)

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self._root + path

    def find(self, kind: str, **params: str) -> list[Json]:
        """Return every resource that a search finds."""
        found: list[Json] = []
        page = self.ask("GET", f"/fhir/R4/{kind}", params={"_count": "200", **params}, expect=(200,)).json()
        while True:
            found += [entry["resource"] for entry in page.get("entry", []) if entry["search"]["mode"] == "match"]
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                return found
            page = self.ask("GET", following[0], expect=(200,)).json()


@dataclass
class Month:
    """One practice's month; `run` feeds it, calling `before` with each step's number."""

    place: Deployment
    tenant: str
    door: Door = field(init=False)
    tenant_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.door = Door(self.place, self.tenant)
        query = "SELECT id FROM registry WHERE kind = 'tenant' AND data::json -> 'document' ->> 'tenant' = %s"
        self.tenant_id = UUID(self.place.rows("billing", query, self.tenant)[0][0])
        for path in ("/fhir/R4/Consent?_count=0", "/fhir/R4/Task?_count=0", "/fhir/R4/ChargeItem?_count=0"):
            wait_until(partial(self.door.is_known, path), f"{self.tenant} may ask for {path}")

    def steps(self) -> list[Step]:
        """Return the month's steps in order of time."""
        feeding = [*self._practice(), *(step for number, who in enumerate(PATIENTS) for step in self._patient(number, who))]
        feeding += [(at(day, 22), self._assemble) for day in (9, 19)]
        closing = (self._settle, self._assemble, self._review, self._assemble, self._sign, self._close)
        return sorted(feeding, key=lambda step: step[0]) + [(at(35, 12 + hour), do) for hour, do in enumerate(closing)]

    def run(self, steps: list[Step], before: Callable[[int], None]) -> None:
        """Take the steps, each at its instant of domain time."""
        for number, (instant, do) in enumerate(steps):
            before(number)
            self.place.clock.set(instant)
            do()

    def _practice(self) -> Iterator[Step]:
        for who, credential, role in ((ADA, "physician", "billing-practitioner"), (BO, "registered-nurse", "clinical-staff")):
            member = {
                "name": who, "npi": "1245319599" if who == ADA else None,
                "roles": [{"role": role, "since": "2025-01-01"}],
                "credentials": [{"credential": credential, "since": "2025-01-01", "state": "CT"}],
                "supervision": [{"practitioner": ADA, "since": "2025-01-01"}] if who == BO else [],
                "locations": [{"country": "US", "state": "CT", "since": "2025-01-01", "attested_by": ADA}],
                "exclusion_checks": [f"2026-{month:02d}-01" for month in range(1, 10)],
            }  # fmt: skip
            yield at(-9, 12), partial(self._record, who, member)
        for number, kind in enumerate(PRACTICE_STATEMENTS):
            yield at(-8, 12, number), partial(self._state, kind, {"given": True})

    def _patient(self, number: int, patient: str) -> Iterator[Step]:
        day = 6 if patient == LATE_CONSENT else -3
        given = at(day, 14, number)
        yield given + timedelta(seconds=20), partial(self._consent, patient, given)
        for turn, (kind, value) in enumerate(_STATEMENTS):
            yield at(-3, 16 + turn, number), partial(self._state, kind, value, patient)
        for turn, minutes in enumerate(MINUTES[number]):
            start = at(2 + 7 * turn, 13) + number * _SLOT
            yield start + _SLOT, partial(self._log, patient, turn, start, minutes)
        if patient == REVOKED:
            yield at(7, 15), partial(self._revoke, patient, at(7, 14))
        if patient in (AMENDED, VOIDED):
            yield at(12, 15), partial(self._change, patient, void=patient == VOIDED)

    def _record(self, who: str, member: Json) -> None:
        known = self.door.ask("GET", f"/time/roster/{who}", expect=(200, 404))
        seen = {"If-Match": known.headers["ETag"]} if known.status_code == 200 else {}
        self.door.ask("PUT", f"/time/roster/{who}", json=member, headers=seen, expect=(200, 201, 412))

    def _state(self, kind: str, value: Json, patient: str | None = None) -> None:
        body = {
            "identifier": {"system": "https://clinic.example/statements", "value": f"{kind}/{patient}"},
            "kind": kind, "patient": patient, "value": value, "by": ADA, "role": "billing-practitioner",
        }  # fmt: skip
        wait_until(partial(self._has_stated, body), f"{ADA} is on the roster that billing knows")

    def _has_stated(self, body: Json) -> bool:
        answer = self.door.ask("POST", "/billing/attestations", json=body, expect=(200, 201, 403, 404))
        return answer.status_code in (200, 201)

    def _consent(self, patient: str, given: datetime) -> None:
        declined = patient == DECLINED
        action = {
            "do": "consent.decline" if declined else "consent.grant", "consent": f"consent-{patient}", "patient": patient,
            "program": "ccm", "practitioner": ADA, "method": "verbal", "given_at": given.isoformat(),
            "obtained_by": {"practitioner": BO, "name": "Bo", "credential": "registered-nurse"}, "disclosures": _TOLD,
            "script": {"uri": "https://clinic.example/script", "version": "1", "language": "en"}, "other_practice": "no",
            **({"decline_reason": "would rather not"} if declined else {}),
        }  # fmt: skip
        self.door.ask("POST", "/fhir/R4/Consent", json=consent(action), expect=(200, 201))

    def _log(self, patient: str, turn: int, start: datetime, minutes: int) -> None:
        condition = _CONDITIONS[(PATIENTS.index(patient) + 5 * turn) % len(_CONDITIONS)]
        written = write(
            random.Random(f"{patient}.{turn}"), "good", condition, start.date(), 60 * minutes
        )  # no two alike: alike ones wait
        action = {
            "do": "time.log", "entry": f"entry-{patient}-{turn}", "patient": patient, "program": "ccm", "performer": BO,
            "role": "registered-nurse", "activity": written.activity, "directed_by": ADA, "problem": f"{patient}-htn",
            "start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat(), "note": written.text,
            "asserted_reason": "kept on paper", "action_taken": written.action_taken,
            "clinical_relevance": written.clinical_relevance,
        }  # fmt: skip
        self.door.ask("POST", "/fhir/R4/Task", json=time_entry(action), expect=(200, 201))

    def _revoke(self, patient: str, received: datetime) -> None:
        found = self.door.find("Consent", identifier=f"{CONSENT_IDS}|consent-{patient}")[0]
        if found["status"] == "active":
            said = {"received_at": received.isoformat(), "channel": "phone", "recorded_by": BO}
            self._put(revoked(found, said))

    def _change(self, patient: str, *, void: bool) -> None:
        found = self.door.find("Task", identifier=f"{TIME_ENTRY_IDS}|entry-{patient}-1")[0]
        reason = {"url": f"{EXTENSION}change-reason", "valueString": "read the clock wrongly"}
        changed = {**found, "extension": [*found["extension"], reason]}
        if void:
            changed |= {"status": "entered-in-error", "statusReason": {"text": "the wrong patient"}}
        else:
            end = datetime.fromisoformat(found["executionPeriod"]["start"]) + timedelta(minutes=9)
            changed["executionPeriod"] = {**found["executionPeriod"], "end": end.isoformat()}
            changed["output"] = [output for output in found["output"] if "valueDuration" not in output]
        if found["status"] == "completed" and not _has_reason(found):
            self._put(changed)

    def _put(self, resource: Json) -> None:
        path = f"/fhir/R4/{resource['resourceType']}/{resource['id']}"
        seen = {"If-Match": f'W/"{resource["meta"]["versionId"]}"'}
        self.door.ask("PUT", path, json=resource, headers=seen, expect=(200, 412))  # 412: done, but the answer was lost

    def _assemble(self) -> None:
        self.door.ask("POST", f"/billing/months/{MONTH}/assemble", expect=(200,))

    def _review(self) -> None:
        """Answer what is asked of time that was written down afterwards; other questions stay open."""
        for result in self.door.ask("GET", f"/billing/months/{MONTH}", expect=(200,)).json()["results"]:
            asked = {finding["key"] for finding in result["assembly"]["findings"] if finding["rule"] == "T24"}
            body = {"decision": "bill", "reason": "seen in the paper diary", "by": ADA}
            for key in asked & set(result["reviews"]):
                self.door.ask("POST", f"/billing/reviews/{result['reviews'][key]}", json=body, expect=(200,))

    def _sign(self) -> None:
        self.door.ask("POST", f"/billing/months/{MONTH}/attest", json={"by": ADA}, expect=(200,))

    def _close(self) -> None:
        body = {"by": ADA, "reason": "the month is over"}
        self.door.ask("POST", f"/billing/months/{MONTH}/close", json=body, expect=(200,))
        query = "SELECT 1 FROM registry WHERE kind = 'month' AND id LIKE %s AND data::json ->> 'status' = 'closed'"
        for part in ("consent", "timetrack"):
            wait_until(partial(self.place.rows, part, query, f"{self.tenant_id}/%"), f"{part} knows of the close")

    def _settle(self) -> None:
        """Wait until billing's ledger holds every event of the practice."""
        wait_until(lambda: self.told and self.told <= self.taken_in, f"every event of {self.tenant} in the ledger")

    @property
    def told(self) -> set[tuple[str, int]]:
        """Aggregate and version of every event that consent and timetrack wrote into their journals."""
        query = f"{_TOLD_ROWS} AND event_type IS NOT NULL"
        return {tuple(row) for part in ("consent", "timetrack") for row in self.place.rows(part, query, self.tenant_id)}

    @property
    def taken_in(self) -> set[tuple[str, int]]:
        """Aggregate and version of every such fact in billing's ledger."""
        return {tuple(row) for row in self.place.rows("billing", _LEDGER, self.tenant_id)}

    def charges(self) -> list[Json]:
        """Return the published ChargeItems as anybody would compare them: the senders' identifiers for ours, no own clock."""
        names = {
            f"{kind}/{one['id']}": sent["value"]
            for kind, system in (("Consent", CONSENT_IDS), ("Task", TIME_ENTRY_IDS))
            for one in self.door.find(kind)
            for sent in one["identifier"]
            if sent["system"] == system
        }
        return sorted((self._plain(one, names) for one in self.door.find("ChargeItem")), key=lambda one: json.dumps(one))

    def _plain(self, charge: Json, names: dict[str, str]) -> Json:
        patient = charge["subject"]["reference"].rpartition("/")[2]
        code = charge["code"]["coding"][0]["code"]
        expected = uuid5(self.tenant_id, "|".join(("charge", patient, ADA, MONTH, code, "1")))
        assert charge["id"] == charge["identifier"][0]["value"] == str(expected), "a charge was published twice"
        extension_of(charge, "decision")["valueString"] = ""
        charge["supportingInformation"] = sorted(names[one["reference"]] for one in charge["supportingInformation"])
        for part_of in charge.get("partOf", ()):
            part_of["reference"] = "the base"
        return {**charge, "id": f"{patient} {code}", "meta": None, "identifier": None}


def _has_reason(task: Json) -> bool:
    return any(found["url"].endswith("/change-reason") for found in task["extension"])
