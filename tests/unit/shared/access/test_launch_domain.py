"""The launch's pure parts: what binds it, what an id_token must say, who has which role. Requirements: standards.md 9, 11."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.access.domain.id_token import read_id_token
from shared.access.domain.launch import (
    check_patient,
    check_proofs,
    digest,
    may_read,
    new_launch_id,
    new_state,
    requested_scope,
    tenant_of_launch,
    tenant_of_state,
)
from shared.access.domain.launch_refusals import AUTHORIZE_ERRORS, EXPLANATIONS, LaunchRefused, refused_by_ehr
from shared.access.domain.roles import Rule, pages_for, roles_of
from shared.kernel.vocabulary import StaffRole

BASE = "https://ehr.example/fhir/R4"
GOOD: dict[str, Any] = {
    "iss": "https://ehr.example/auth",
    "aud": "app",
    "sub": "someone",
    "exp": 1000.0,
    "iat": 700,
    "nonce": "n",
    "fhirUser": f"{BASE}/Practitioner/p-1",
}


def read(claims: dict[str, Any], now: float = 900.0) -> tuple[str, str, str]:
    who = read_id_token(
        claims, issuer="https://ehr.example/auth", client_id="app", nonce="n", now=now, fhir_base=BASE, hosts=["alias.example"]
    )
    return who.subject, who.kind, who.id


def test_states_and_launch_ids_name_their_tenant_and_never_repeat() -> None:
    tenant = uuid4()
    states, launches = {new_state(tenant) for _ in range(100)}, {new_launch_id(tenant) for _ in range(100)}
    assert len(states) == len(launches) == 100
    assert {tenant_of_state(one) for one in states} == {tenant_of_launch(one) for one in launches} == {tenant}
    for wrong in ("", "x", next(iter(launches)), next(iter(states)) + "A", next(iter(states))[:-1] + "=", "ä" * 64, "\0"):
        assert tenant_of_state(wrong) is None
    assert tenant_of_launch(next(iter(states))) is None
    assert isinstance(tenant_of_launch(next(iter(launches))), UUID)


@pytest.mark.parametrize(
    ("proofs", "holds"),
    [
        (("s", "s"), True),
        (("s", None), True),
        ((None, "s"), True),
        ((None, None), False),
        (("s", "x"), False),
        (("x", "s"), False),
        (("x", None), False),
        (("", "s"), False),
        ((), False),
    ],
)
def test_one_proof_at_least_and_none_wrong(proofs: tuple[str | None, ...], holds: bool) -> None:
    if holds:
        check_proofs(digest("s"), proofs)
    else:
        with pytest.raises(LaunchRefused) as refused:
            check_proofs(digest("s"), proofs)
        assert refused.value.code == "launch-other-browser"


def test_a_good_id_token_tells_who_it_is() -> None:
    assert read(GOOD) == ("someone", "Practitioner", "p-1")
    assert read(GOOD | {"fhirUser": "PractitionerRole/r.1"}) == ("someone", "PractitionerRole", "r.1")
    assert read(GOOD | {"fhirUser": "https://alias.example/other/base/Practitioner/p-1"})[2] == "p-1"
    # a query and a fragment are no part of the reference
    assert read(GOOD | {"fhirUser": f"{BASE}/Practitioner/p-1?x=1#../.."})[2] == "p-1"
    assert read(GOOD | {"aud": ["app"]})[0] == "someone"
    assert read(GOOD | {"aud": ["app", "other"], "azp": "app"})[0] == "someone"
    assert read(GOOD, now=1059.9)[0] == "someone"
    assert read(GOOD, now=640.0)[0] == "someone"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://ehr.example/auth/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["app", "other"]},
        {"aud": []},
        {"aud": None},
        {"azp": "other"},
        {"exp": 839},
        {"exp": "1000"},
        {"exp": True},
        {"exp": None},
        {"iat": 961},
        {"iat": None},
        {"nonce": "m"},
        {"nonce": None},
        {"sub": ""},
        {"sub": None},
        {"sub": "x" * 256},
        {"fhirUser": None},
        {"fhirUser": "Practitioner/"},
        {"fhirUser": "Practitioner/a/b"},
        {"fhirUser": "Device/x"},
        {"fhirUser": "https://stranger.example/fhir/R4/Practitioner/p-1"},
        {"fhirUser": "http://ehr.example/fhir/R4/Practitioner/p-1"},
        {"fhirUser": "http://alias.example/Practitioner/p-1"},
        {"fhirUser": "https://ehr.example@stranger.example/Practitioner/p-1"},
        {"fhirUser": "Practitioner/p 1"},
        {"fhirUser": ["Practitioner/p-1"]},
    ],
)
def test_an_id_token_with_one_claim_wrong_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LaunchRefused) as refused:
        read(GOOD | change)
    assert refused.value.code == "sign-in-not-proved"


@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson", "Person"])
def test_who_is_no_staff_is_told_so(kind: str) -> None:
    with pytest.raises(LaunchRefused) as refused:
        read(GOOD | {"fhirUser": f"{BASE}/{kind}/x"})
    assert refused.value.code == "not-staff"


@pytest.mark.parametrize(
    ("scopes", "kind", "letters", "may"),
    [
        ("patient/Patient.r", "Patient", "r", True),
        ("patient/Patient.read", "Patient", "r", True),
        ("patient/*.rs", "Coverage", "s", True),
        ("user/*.*", "Practitioner", "r", True),
        ("patient/Condition.r", "Condition", "s", False),
        ("patient/Patient.write", "Patient", "r", False),
        ("patient/Condition.rs?category=x", "Condition", "s", False),
        ("launch openid", "Patient", "r", False),
        ("system/Patient.r", "Patient", "r", False),
        ("patient/PatientX.r", "Patient", "r", False),
        ("", "Patient", "r", False),
    ],
)
def test_only_what_was_granted_is_read(scopes: str, kind: str, letters: str, may: bool) -> None:
    assert may_read(frozenset(scopes.split()), kind, letters) is may


def test_the_scope_asks_for_reading_only() -> None:
    assert requested_scope(v1=False).split()[:4] == ["launch", "openid", "fhirUser", "online_access"]
    assert "patient/Condition.rs" in requested_scope(v1=False)
    assert requested_scope(v1=True).split()[4:] == [
        "patient/Patient.read",
        "patient/Condition.read",
        "patient/Coverage.read",
        "user/Practitioner.read",
        "user/PractitionerRole.read",
    ]
    for v1 in (False, True):
        assert "offline" not in requested_scope(v1=v1) and "*" not in requested_scope(v1=v1)


def test_a_grant_into_a_chart_names_whose_it_is() -> None:
    check_patient({"user/Practitioner.r"}, None)
    check_patient({"patient/Patient.r"}, "p")
    with pytest.raises(LaunchRefused):
        check_patient({"patient/Patient.r"}, None)


def test_every_refusal_has_words_and_an_unknown_error_is_a_matter_of_set_up() -> None:
    assert set(AUTHORIZE_ERRORS.values()) <= set(EXPLANATIONS)
    assert refused_by_ehr("something_new").code == "ehr-set-up"
    assert refused_by_ehr("<script>").detail == ""
    for words in EXPLANATIONS.values():
        text = f"{words.happened} {words.why} {' '.join(words.steps)}"
        assert words.steps and "Nothing was recorded." in words.why
        assert not {"please", "oops", "invalid", "error"} & set(text.lower().split()) and "!" not in text


def test_roles_come_from_rules_and_list_and_none_is_a_refusal() -> None:
    rules = [
        Rule(StaffRole.CLINICAL_STAFF, code="s|nurse"),
        Rule(StaffRole.BILLER, npi="1"),
        Rule(StaffRole.PROGRAM_LEAD, code="s|nurse", practitioner="p"),
        Rule(StaffRole.AUDITOR),
    ]

    def of(
        practitioner: str = "x", npi: str | None = None, codes: tuple[str, ...] = (), listed: tuple[str, ...] = ()
    ) -> set[str]:
        return set(roles_of(rules, practitioner=practitioner, npi=npi, codes=codes, listed=listed))

    assert of(codes=("s|nurse",)) == {"clinical-staff"}
    assert of("p", codes=("s|nurse",)) == {"clinical-staff", "program-lead"}
    assert of(npi="1", listed=("auditor", "unknown")) == {"biller", "auditor"}
    for nobody in ({}, {"npi": "2"}, {"practitioner": "p"}, {"listed": ("unknown",)}):
        with pytest.raises(LaunchRefused):
            of(**nobody)  # type: ignore[arg-type]
    assert [page.name for page in pages_for(["auditor"], chart=False)] == ["Desk", "Program", "Audit", "Rules", "Refreshers"]
    assert [page.name for page in pages_for(["biller"], chart=True)] == ["Consent"]
