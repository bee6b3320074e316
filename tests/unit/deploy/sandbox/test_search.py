"""Tokens, references and dates compare as FHIR says."""

from typing import Any

import pytest

from deploy.sandbox.search import PARAMETERS, BadSearch, criterion, span
from deploy.sandbox.store import TYPES

BASE = "https://ehr.test/fhir/R4"
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e",
    "identifier": [{"system": "urn:visit", "value": "17"}, {"value": "loose"}],
    "status": "finished",
    "class": {"system": "urn:act", "code": "AMB"},
    "type": [{"coding": [{"system": "urn:cpt", "code": "99213"}]}, {"coding": [{"system": "urn:snomed", "code": "1"}]}],
    "subject": {"reference": "Patient/p"},
    "participant": [{"individual": {"reference": f"{BASE}/Practitioner/d"}}],
    "period": {"start": "2026-10-05T09:00:00-04:00", "end": "2026-10-05T09:30:00-04:00"},
}
OPEN = {"resourceType": "EpisodeOfCare", "id": "o", "period": {"start": "2026-03-02"}}
PLAIN = {"resourceType": "Patient", "id": "p", "active": True, "birthDate": "1950-06"}

CASES: list[tuple[dict[str, Any], str, str, bool]] = [
    (ENCOUNTER, "_id", "e", True),
    (ENCOUNTER, "_id", "x,e", True),
    (ENCOUNTER, "_id", "x", False),
    (ENCOUNTER, "identifier", "urn:visit|17", True),
    (ENCOUNTER, "identifier", "urn:other|17", False),
    (ENCOUNTER, "identifier", "17", True),
    (ENCOUNTER, "identifier", "|loose", True),
    (ENCOUNTER, "identifier", "|17", False),
    (ENCOUNTER, "identifier", "urn:visit|", True),
    (ENCOUNTER, "status", "finished", True),
    (ENCOUNTER, "class", "urn:act|AMB", True),
    (ENCOUNTER, "type", "urn:snomed|1", True),
    (ENCOUNTER, "type", "urn:cpt|1", False),
    (ENCOUNTER, "patient", "p", True),
    (ENCOUNTER, "patient", "Patient/p", True),
    (ENCOUNTER, "patient", f"{BASE}/Patient/p", True),
    (ENCOUNTER, "patient", "Group/p", False),
    (ENCOUNTER, "practitioner", "Practitioner/d", True),
    (ENCOUNTER, "practitioner", "https://else.test/Practitioner/d", False),
    (ENCOUNTER, "date", "2026-10-05", True),
    (ENCOUNTER, "date", "2026-10", True),
    (ENCOUNTER, "date", "2026-10-04", False),
    (ENCOUNTER, "date", "ge2026-10-05", True),
    (ENCOUNTER, "date", "ge2026-10-06", False),
    (ENCOUNTER, "date", "gt2026-10-05", False),
    (ENCOUNTER, "date", "gt2026-10-04", True),
    (ENCOUNTER, "date", "lt2026-10-05", False),
    (ENCOUNTER, "date", "le2026-10-05", True),
    (ENCOUNTER, "date", "lt2026-10-05T13:00:01Z", True),
    (ENCOUNTER, "date", "ne2026-10-05", False),
    (OPEN, "date", "ge2030", True),
    (OPEN, "date", "lt2026-03-02", False),
    (OPEN, "date", "le2026-03-02", True),
    (OPEN, "patient", "p", False),
    (PLAIN, "active", "true", True),
    (PLAIN, "birthdate", "1950", True),
    (PLAIN, "birthdate", "1950-06-15", False),
]


@pytest.mark.parametrize(("resource", "name", "value", "result"), CASES)
def test_a_criterion_matches(resource: dict[str, Any], name: str, value: str, result: bool) -> None:
    found = criterion(resource["resourceType"], name, value, BASE)
    assert found is not None
    assert found.matches(resource) is result


def test_unknown_names_are_none_and_wrong_ones_are_refused() -> None:
    assert criterion("Patient", "shoe", "9", BASE) is None
    for name, value in (("_id:missing", "true"), ("_id", "a,,b"), ("birthdate", "eq2026-13-01"), ("birthdate", "sa2026")):
        with pytest.raises(BadSearch):
            criterion("Patient", name, value, BASE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026", 365 * 86400),
        ("2028-02", 29 * 86400),
        ("2026-12-31", 86400),
        ("2026-10-05T09:00Z", 60),
        ("2026-10-05T09:00:00-04:00", 1),
        ("2026-10-05T09:00:00.5+00:00", 0.1),
    ],
)
def test_a_date_spans_its_precision(text: str, seconds: float) -> None:
    start, end = span(text)
    assert (end - start).total_seconds() == seconds


def test_every_type_has_its_parameters() -> None:
    assert set(PARAMETERS) == set(TYPES)
    assert all({"_id", "_lastUpdated", "identifier"} <= set(names) for names in PARAMETERS.values())
