"""Others' software walks consent, time and charges at a running deployment: oauth4webapi, jose, fhir-kit-client, fhirpy."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome
from joserfc.jwk import ECKey

from deploy.demo.api import until
from tests.contract.generated import Caller, generated_clients
from tests.contract.node import node
from tests.e2e.stack import SCOPES, TENANT, Stack, careledger, stack
from tests.integration.billing import world as clinic
from tests.integration.consent.resources import consent
from tests.integration.timetrack.staff import nurse
from tests.integration.timetrack.tasks import output, task

pytestmark = pytest.mark.requirement("standards-26")

PRACTICE = {"name": "Harrow Family Practice", "npi": "1234567893", "tin": "12-3456789", "zone": "America/New_York",
            "effective_from": "2025-01-01"}  # fmt: skip
WORKED = datetime(2026, 10, 6, 15, 0, tzinfo=UTC)
SIGNED = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
PATIENTS = ("pat-kit", "pat-py")
GENERATED = "pat-gen"
DONE = {
    "pat-kit": (
        "Called the patient about the fasting log; moved the evening dose to bedtime",
        "Fasting glucose 182, up from 150 last week; two doses missed",
    ),
    "pat-py": (
        "Asked the pharmacy to send the metformin refill early and told the wife when it comes",
        "Ran out on Saturday; sugar 240 before breakfast since",
    ),
    "pat-gen": (
        "Went through the discharge list with the daughter; she threw the second glipizide bottle away",
        "Shaky in the mornings, sugar 58, after taking both bottles",
    ),
}
"""What was done for whom, and why it mattered: no two notes alike."""


@dataclass(frozen=True)
class Deployment:
    """A running deployment, where its files are."""

    stack: Stack
    folder: Path

    def walk(self, client: str, steps: list[str], folder: Path, *, alg: str = "RS384", patient: str = "pat-kit") -> Any:
        """Let npm's counterparts walk `steps` as `client`."""
        data = {
            "base": self.stack.ehr.fhir_base,
            "client_id": client,
            "scope": SCOPES.get(client, SCOPES["ehr"]),
            "key_file": str(self.folder / f"{client}.pem"),
            "alg": alg,
            "consent": consent_for(patient),
            "task": task_for(patient),
            "steps": steps,
        }
        return node("walk.mjs", data, folder)


def consent_for(patient: str) -> dict[str, Any]:
    """Return a consent to Dr. Ada."""
    body = consent(str(uuid4()), patient={"reference": f"Patient/{patient}"}, performer=[{"reference": f"Patient/{patient}"}])
    body["provision"]["actor"][0]["reference"] = {"reference": f"Practitioner/{clinic.ADA}"}
    body["extension"][1]["extension"][0]["valueReference"] = {"reference": f"Practitioner/{clinic.BO}"}
    return body


def task_for(patient: str) -> dict[str, Any]:
    """Return 25 minutes of nurse Bo's."""
    start = WORKED + timedelta(hours=(*PATIENTS, GENERATED).index(patient))
    return task(
        start.isoformat(),
        (start + timedelta(minutes=25)).isoformat(),
        identifier=[{"system": "https://ehr.example/ids", "value": str(uuid4())}],
        for_={"reference": f"Patient/{patient}"},
        owner={"reference": f"Practitioner/{clinic.BO}"},
        requester={"reference": f"Practitioner/{clinic.ADA}"},
        output=[
            output("action-taken", valueString=DONE[patient][0]),
            output("clinical-relevance", valueString=DONE[patient][1]),
        ],
        reasonReference={"reference": f"Condition/{patient}-dm", "display": "diabetes"},
    )


def attestations_for(*patients: str) -> list[dict[str, Any]]:
    """Return what Dr. Ada attests of the practice and of the patients."""
    bodies = [clinic.statement(kind, {"given": True}, signed_at="2026-10-06T16:00:00Z") for kind in clinic.PRACTICE_STATEMENTS]
    bodies += [one for patient in patients for one in clinic.statements(patient)]
    return [body | {"effective": "2026-01-20"} for body in bodies]


def _record(running: Stack, who: str, body: dict[str, Any]) -> int:
    """Put somebody on the roster; timetrack may not have heard of the practice and its clients yet."""
    return running.staff.call("PUT", f"time/roster/{who}", json=body, expect=(200, 201, 401, 404)).status_code


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment with a practice whose staff is on the roster and whose EHR has two charts."""
    folder = tmp_path_factory.mktemp("counterparts")
    charts = folder / "charts" / "fhir"
    charts.mkdir(parents=True)
    resources = [resource for patient in (*PATIENTS, GENERATED) for resource in clinic.chart(patient)]
    entries = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in resources]
    (charts / "loaded.json").write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    with stack(folder, folder / "charts", practice=PRACTICE, begins=WORKED + timedelta(hours=5)) as running:
        people = (
            (clinic.ADA, "physician", "billing-practitioner", "1245319599"),
            (clinic.BO, "registered-nurse", "clinical-staff", "1234567893"),
        )
        for who, credential, role, npi in people:
            body = nurse(
                name=who,
                npi=npi,
                roles=[{"role": role, "since": "2025-01-01"}],
                credentials=[{"credential": credential, "state": "CT", "number": "1", "since": "2024-01-01"}],
                supervision=[{"practitioner": clinic.ADA, "since": "2025-01-01"}],
                exclusion_checks=["2026-10-01"],
            )
            until(
                lambda who=who, body=body: running.staff.call(
                    "PUT", f"time/roster/{who}", json=body, expect=(200, 201, 401, 404)
                ),
                lambda answer: answer.status_code in (200, 201),
            )
        yield Deployment(running, folder)


def test_npm_counterparts_send_consent_and_time(deployment: Deployment, tmp_path: Path) -> None:
    walked = deployment.walk("ehr", ["consent", "task"], tmp_path)
    assert walked["done"] == ["create Consent", "search Consent", "create Task", "search Task"]


def test_an_es384_client_signs_in(deployment: Deployment, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", auto_kid=True)
    (deployment.folder / "ec.pem").write_bytes(key.as_pem(private=True))
    public = key.as_dict(private=False) | {"kid": key.thumbprint()}
    (deployment.folder / "ec.json").write_text(json.dumps({"keys": [public]}))
    environment = json.loads((deployment.folder / "data" / "environment.json").read_text())
    added = careledger(
        "client", "add", "ec", "--name", "ec", "--tenant", TENANT, "--scope", SCOPES["ehr"], "--jwks",
        str(deployment.folder / "ec.json"), environment=environment,
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert deployment.walk("ec", [], tmp_path, alg="ES384")["scope"] == SCOPES["ehr"]


async def test_fhirpy_sends_consent_and_time(deployment: Deployment) -> None:
    ehr = deployment.stack.ehr
    client = AsyncFHIRClient(ehr.fhir_base, authorization=f"Bearer {ehr._bearer()}")
    for kind, body in (("Consent", consent_for("pat-py")), ("Task", task_for("pat-py"))):
        found = client.resources(kind).search(identifier=f"{body['identifier'][0]['system']}|{body['identifier'][0]['value']}")
        assert await found.first() is None
        elements = {name: value for name, value in body.items() if name != "resourceType"}
        sent, created = await found.get_or_create(client.resource(kind, **elements))
        again, created_again = await found.get_or_create(client.resource(kind, **elements))
        assert (created, created_again, sent["id"]) == (True, False, again["id"])
        read = await client.reference(kind, sent["id"]).to_resource()
        assert read["meta"]["versionId"] == "1"
        everybody = await client.resources(kind).search(status=body["status"]).limit(1).fetch_all()
        assert sent["id"] in [one["id"] for one in everybody]
        with pytest.raises(OperationOutcome):
            await client.resources(kind).search(colour="blue").fetch()


@pytest.mark.requirement("issue-11.4")
def test_a_generated_client_walks_the_month(deployment: Deployment, tmp_path: Path) -> None:
    """Token, roster, consent, time, attestations, assembly, review, signature, pull, acknowledgement, manifest."""
    with generated_clients(tmp_path) as made:
        base_url = deployment.stack.ehr.root.removesuffix(f"/t/{TENANT}")
        ehr, staff, biller = (
            Caller(made, base_url, TENANT, name, deployment.folder / f"{name}.pem", SCOPES[name])
            for name in ("ehr", "staff", "biller")
        )
        assert biller.call("access", "authorization", "whoami").client_id == "biller"
        nurse_cy = nurse(name="Cy", supervision=[{"practitioner": clinic.ADA, "since": "2025-01-01"}])
        member = made.model("timetrack", "StaffMember", nurse_cy)
        recorded = staff.call("timetrack", "roster", "record_member", "rn-cy", body=member, expect=(200, 201))
        assert recorded.version == 1
        granted = ehr.call(
            "consent", "consent", "create_consent", body=made.model("consent", "Consent", consent_for(GENERATED)), expect=(201,)
        )
        worked = task_for(GENERATED) | {"owner": {"reference": "Practitioner/rn-cy"}}
        logged = ehr.call("timetrack", "task", "create_task", body=made.model("timetrack", "Task", worked), expect=(201,))
        assert (granted.resource_type, logged.resource_type) == ("Consent", "Task")
        for body in attestations_for(GENERATED):
            statement = made.model("billing", "AttestationBody", body)
            staff.call("billing", "billing", "attest_fact", body=statement, expect=(200, 201))
        deployment.stack.clock.set(SIGNED)
        _assemble_until_planned(staff)
        (result,) = staff.call("billing", "billing", "month_results", "2026-10", patient=GENERATED).results
        for review in result.reviews.to_dict().values():
            decision = made.model("billing", "ReviewBody", {"decision": "bill", "reason": "in the chart", "by": clinic.ADA})
            staff.call("billing", "billing", "decide_review", review, body=decision)
        staff.call("billing", "billing", "assemble_month", "2026-10")
        signature = made.model("billing", "AttestBody", {"by": clinic.ADA, "patients": [GENERATED]})
        assert staff.call("billing", "billing", "attest_month", "2026-10", body=signature).released == [GENERATED]
        queue = biller.call("billing", "charge_item", "search_charges", patient=GENERATED, status="billable")
        charges = [entry.resource.to_dict() for entry in queue.entry]
        assert [charge["code"]["coding"][0]["code"] for charge in charges] == ["99490"]
        results = biller.call("billing", "charge_item", "acknowledge", body=made.model("billing", "Parameters", _billed(charges)))
        assert results.to_dict()["parameter"][0] == {"name": "applied", "valueInteger": 1}
        assert biller.call("billing", "charge_item", "search_charges", patient=GENERATED, status="billed").entry
        manifest = biller.call("billing", "billing", "month_manifest", "2026-10")
        assert {(total.code, total.status) for total in manifest.totals} >= {("99490", "billed")}
        feed = biller.call("billing", "charge_item", "search_charges", after="0")
        assert charges[0]["id"] in [entry.resource.to_dict()["id"] for entry in feed.entry]
        assert [link.relation for link in feed.link] == ["self", "resume"]


def test_charges_are_pulled_and_acknowledged(deployment: Deployment, tmp_path: Path) -> None:
    """Consent and time that others' software sent become charges that others' software takes off the queue."""
    staff, biller = deployment.stack.staff, deployment.stack.biller
    deployment.stack.clock.set(SIGNED)
    for body in attestations_for(*PATIENTS):
        staff.call("POST", "billing/attestations", json=body, expect=(200, 201))
    month = "billing/months/2026-10"
    until(lambda: staff.call("POST", f"{month}/assemble").json()["outcomes"], lambda outcomes: outcomes.get("planned", 0) >= 2)
    for result in staff.call("GET", month).json()["results"]:  # time that was asserted is looked at by a person
        for review in result["reviews"].values():
            decision = {"decision": "bill", "reason": "the EHR's own record of the call", "by": clinic.ADA}
            staff.call("POST", f"billing/reviews/{review}", json=decision)
    staff.call("POST", f"{month}/assemble")
    signed = staff.call("POST", f"{month}/attest", json={"by": clinic.ADA}).json()
    findings = [told for one in staff.call("GET", month).json()["results"] for told in one["assembly"]["findings"]]
    kept = "; ".join(f"{told['rule']} {told['text']}" for told in findings if told["severity"] != "info")
    assert sorted(signed["released"]) == sorted(PATIENTS), kept

    walked = deployment.walk("biller", ["charge"], tmp_path)
    assert walked["done"] == ["search ChargeItem", "search ChargeItem", "acknowledge"]

    async def rest() -> list[Any]:
        client = AsyncFHIRClient(biller.fhir_base, authorization=f"Bearer {biller._bearer()}")
        queue = await client.resources("ChargeItem").search(status="billable").fetch_all()
        parts = [
            {"name": "charge", "valueReference": {"reference": f"ChargeItem/{queue[0]['id']}"}},
            {"name": "outcome", "valueCode": "billed"},
            {"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": "py-1"}},
        ]
        body = {"resourceType": "Parameters", "parameter": [{"name": "item", "part": parts}]}
        answer = await client.execute("ChargeItem/$acknowledge", data=body)
        assert answer["resourceType"] == "Parameters"
        return list(await client.resources("ChargeItem").search(status="billable").fetch_all())

    assert asyncio.run(rest()) == []


def _assemble_until_planned(staff: Caller) -> None:
    """Assemble until consent and time of the generated client's patient have come as events."""

    def standing() -> dict[str, Any]:
        staff.call("billing", "billing", "assemble_month", "2026-10")
        (result,) = staff.call("billing", "billing", "month_results", "2026-10", patient=GENERATED).results
        found = result.assembly.to_dict()
        kept = [f"{told['rule']} {told['text']}" for told in found["findings"] if told["severity"] != "info"]
        return {"outcome": found["outcome"], "kept": kept}

    until(standing, lambda found: found["outcome"] == "planned")


def _billed(charges: list[dict[str, Any]]) -> dict[str, Any]:
    items = [
        [
            {"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge['id']}"}},
            {"name": "outcome", "valueCode": "billed"},
            {"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": f"gen-{number}"}},
        ]
        for number, charge in enumerate(charges)
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "item", "part": parts} for parts in items]}
