"""What we answer with is R4: bundles and provenance, looked at by two libraries."""

from datetime import UTC, datetime
from typing import Any

import fhirkit
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.provenance import Provenance

from shared.fhir.bundle import Version, etag, history, searchset
from shared.fhir.outcome import operation_outcome
from shared.fhir.provenance import Agent, provenance
from shared.kernel.errors import Issue

BASE = "https://cl.example/t/a/fhir/R4"
AT = datetime(2026, 10, 3, 14, tzinfo=UTC)
TASK = {"resourceType": "Task", "id": "t1", "status": "completed", "intent": "order", "for": {"reference": "Patient/1"}}


def check(resource: dict[str, Any]) -> None:
    """Fail unless an independent reader of R4 finds nothing wrong."""
    assert [str(issue) for issue in fhirkit.validate(resource)] == []


def test_a_searchset_links_and_tells_how_each_entry_was_found() -> None:
    warning = operation_outcome([Issue("search-unknown", "not known", "colour")], code="not-supported", severity="warning")
    made = provenance("c-1", "Task/t1/_history/1", AT, [Agent({"reference": "Practitioner/1"})], operation="CREATE")
    found = searchset(BASE + "/", [TASK], links={"self": f"{BASE}/Task"}, total=1, included=[made], outcome=warning)
    check(found)
    Bundle.model_validate(found)
    assert found["entry"][0] == {"fullUrl": f"{BASE}/Task/t1", "resource": TASK, "search": {"mode": "match"}}
    assert [entry["search"]["mode"] for entry in found["entry"]] == ["match", "include", "outcome"]
    assert found["link"] == [{"relation": "self", "url": f"{BASE}/Task"}]
    assert found["total"] == 1


def test_an_empty_searchset_has_no_entry() -> None:
    found = searchset(BASE, [], links={"self": f"{BASE}/Task"})
    check(found)
    assert "entry" not in found
    assert "total" not in found


def test_a_history_has_request_and_response_in_each_entry() -> None:
    found = history(BASE, [Version(TASK, 2, AT), Version(TASK, 1, AT)], links={"self": f"{BASE}/Task/t1/_history"}, total=2)
    check(found)
    Bundle.model_validate(found)
    newest, first = found["entry"]
    assert newest["request"] == {"method": "PUT", "url": "Task/t1"}
    assert first["request"] == {"method": "POST", "url": "Task"}
    assert first["response"] == {"status": "201", "etag": etag(1), "lastModified": "2026-10-03T14:00:00Z"}


@pytest.mark.parametrize("words", [{}, {"reason": "wrong-patient"}, {"reason": "wrong-patient", "reason_text": "two charts"}])
def test_a_provenance_names_who_and_why(words: dict[str, str]) -> None:
    agents = [
        Agent(
            {"reference": "https://ehr.example/Practitioner/7"}, on_behalf_of={"reference": "https://ehr.example/Organization/1"}
        )
    ]
    made = provenance("c-1", "Consent/1/_history/2", AT, agents, operation="UPDATE", **words)
    check(made)
    Provenance.model_validate(made)
    assert made["target"] == [{"reference": "Consent/1/_history/2"}]
    assert ("reason" in made) == bool(words)
