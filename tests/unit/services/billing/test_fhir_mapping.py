"""ChargeItem out, `$acknowledge` in: pure, and valid FHIR for whatever a charge holds."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from fhir.resources.R4B.chargeitem import ChargeItem as FhirChargeItem
from fhir.resources.R4B.parameters import Parameters
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.charge import Answer, ChargeItem, CoverageLine, Identifier, Result
from services.billing.domain.charge_item import ChargeStatus
from services.billing.fhir_mapping import Bases, code_system, read_acknowledgements, write_charge, write_results
from shared.fhir.json_text import dump
from shared.kernel.errors import CareledgerError, Issue
from tests.unit.services.billing.domain.test_charge import FRESH

BASES = Bases(
    own="https://careledger.example/t/north/fhir/R4",
    ehr="https://ehr.example/fhir",
    ehr_hosts=(),
    zone=ZoneInfo("America/New_York"),
)
IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,20}", fullmatch=True)
IDENTIFIERS = st.builds(Identifier, system=st.just("https://x.example/sid"), value=IDS)
CHARGES = st.builds(
    replace,
    st.just(FRESH),
    status=st.sampled_from([s for s in ChargeStatus if s not in (ChargeStatus.PLANNED, ChargeStatus.NOT_BILLABLE)]),
    mrn=st.none() | IDENTIFIERS,
    claim=st.none() | IDENTIFIERS,
    part_of=st.none() | st.uuids(),
    replaces=st.none() | st.uuids(),
    claim_frequency=st.sampled_from([None, "7", "8"]),
    context=st.sampled_from([None, "EpisodeOfCare/e1", "Encounter/v1"]),
    account=st.sampled_from([None, "Account/a1"]),
    organization_npi=st.sampled_from([None, "1234567893"]),
    organization_tin=st.sampled_from([None, "12-3456789"]),
    entered_by=st.just("dr"),
    entered_at=st.integers(0, 10**8).map(lambda seconds: datetime.fromtimestamp(1_700_000_000 + seconds, UTC)),
    coverages=st.lists(st.builds(CoverageLine, coverage=IDS, rank=st.just(1), payer=st.none() | IDS), max_size=2).map(tuple),
    line=st.builds(
        replace,
        st.just(FRESH.line),
        code=st.sampled_from(["99490", "G0506"]),
        units=st.integers(1, 10),
        modifiers=st.lists(st.sampled_from(["25", "GV", "GW"]), max_size=2).map(tuple),
        diagnoses=st.lists(st.sampled_from(["E11.9", "I10", "J44.9"]), unique=True).map(tuple),
        consents=st.lists(IDS.map(lambda ident: f"consent/{ident}@1"), max_size=2).map(tuple),
        entries=st.lists(IDS, max_size=3).map(tuple),
        patient_billable=st.booleans(),
    ),
)


@given(CHARGES)
def test_every_charge_is_a_valid_resource_and_survives_storage(charge: ChargeItem) -> None:
    resource = write_charge(charge, BASES)
    assert FhirChargeItem.model_validate_json(dump(resource)).status == charge.status.value
    stored = msgspec.json.decode(msgspec.json.encode(charge), type=ChargeItem)
    assert stored == charge and write_charge(stored, BASES) == resource


@given(CHARGES)
def test_what_a_charge_says(charge: ChargeItem) -> None:
    resource = write_charge(charge, BASES)
    found = {one["url"].rsplit("/", 1)[-1]: one for one in resource["extension"]}
    assert ("claim" in found) == (
        charge.claim is not None and charge.status in (ChargeStatus.BILLED, ChargeStatus.ENTERED_IN_ERROR)
    )
    assert ("do-not-bill-patient" in found) == (not charge.line.patient_billable)
    assert [one["coding"][0]["code"] for one in resource.get("reason", [])] == list(charge.line.diagnoses)
    assert resource["subject"]["reference"] == "https://ehr.example/fhir/Patient/p"
    assert all("/" in one["reference"] and "://" not in one["reference"] for one in resource.get("supportingInformation", []))


@pytest.mark.parametrize(("code", "system"), [("99490", "cpt"), ("G0506", "HCPCSReleaseCodeSets")])
def test_cpt_numbers_are_never_coded_as_hcpcs(code: str, system: str) -> None:
    assert code_system(code).endswith(system)


def parameters(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return an envelope of one item."""
    return {"resourceType": "Parameters", "parameter": [{"name": "item", "part": list(parts)}]}


CHARGE = {"name": "charge", "valueReference": {"reference": f"ChargeItem/{FRESH.id}"}}
BILLED = {"name": "outcome", "valueCode": "billed"}
CLAIM = {"name": "claim", "valueIdentifier": {"system": "c", "value": "1"}}


@pytest.mark.parametrize(
    ("value", "ident"),
    [
        ({"valueReference": {"reference": f"ChargeItem/{FRESH.id}"}}, FRESH.id),
        ({"valueReference": {"reference": f"{BASES.own}/ChargeItem/{FRESH.id}"}}, FRESH.id),
        ({"valueReference": {"reference": f"https://other.example/ChargeItem/{FRESH.id}"}}, None),
        ({"valueReference": {"reference": f"Task/{FRESH.id}"}}, None),
        ({"valueIdentifier": {"system": "https://careledger.example/fhir/sid/charge", "value": str(FRESH.id)}}, FRESH.id),
        ({"valueIdentifier": {"system": "other", "value": str(FRESH.id)}}, None),
        ({"valueReference": {"reference": "ChargeItem/1"}}, None),
    ],
)
def test_how_a_charge_may_be_named(value: dict[str, Any], ident: UUID | None) -> None:
    assert read_acknowledgements(parameters({"name": "charge", **value}, BILLED, CLAIM), BASES)[0].charge == ident


@pytest.mark.parametrize(
    "parts",
    [
        (CHARGE, BILLED, CLAIM, CLAIM),
        (CHARGE, BILLED, {"name": "claim", "valueString": "1"}),
        (CHARGE, BILLED, CLAIM, {"name": "amount", "valueDecimal": Decimal(1)}),
        (CHARGE, BILLED, {**CLAIM, "part": []}),
        (CHARGE, BILLED, {"name": "claim", "valueIdentifier": {"system": "c"}}),
        (CHARGE, CLAIM),
        (BILLED, CLAIM),
    ],
)
def test_a_wrong_item_is_refused_by_name(parts: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(CareledgerError) as refused:
        read_acknowledgements(parameters(*parts), BASES)
    assert str(refused.value.issues[0].expression).startswith("Parameters.parameter[0]")


def test_the_answer_is_valid_parameters() -> None:
    said = parameters(CHARGE, BILLED, CLAIM)
    items = read_acknowledgements(said, BASES)
    for result in (
        Result(answer=Answer.APPLIED, charge=FRESH),
        Result(answer=Answer.REFUSED, charge=None, issue=Issue("not-found", "there is no such charge")),
        Result(answer=Answer.CONFLICT, charge=FRESH, issue=Issue("claim", "another claim")),
    ):
        answer = write_results(items, [result], said["parameter"])
        Parameters.model_validate(answer)
        counts = {one["name"]: one["valueInteger"] for one in answer["parameter"] if "valueInteger" in one}
        assert counts == {each.value: int(each is result.answer) for each in Answer}
