"""Requests at north's FHIR base by a client that holds every scope."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from tests.security.place import ALL_SCOPES, NOW, Place, consent_of, task_of

KINDS = ("Consent", "Task", "ChargeItem")
WRITTEN = ("Consent", "Task")
_minutes = count(20, 20)


async def ask(place: Place, method: str, path: str, **options: Any) -> httpx.Response:
    """Make a request below the FHIR base; a JSON body is sent as FHIR."""
    given = options.pop("headers", {})
    headers = place.tokens.bearer("north", options.pop("scope", ALL_SCOPES), **options.pop("claims", {}))
    if "json" in options or "content" in options:
        headers["Content-Type"] = "application/fhir+json"
    headers |= given
    return await place.ask(
        method, f"/t/north/fhir/R4/{path}", headers={k: v for k, v in headers.items() if v is not None}, **options
    )


def own(place: Place, kind: str) -> str:
    """Return the address of the first patient's resource of that kind."""
    things = place.objects["north", "pat-north-1"]
    return f"{kind}/{ {'Consent': things.consent, 'Task': things.task, 'ChargeItem': things.charge}[kind] }"


def body(kind: str, key: str | None = None, patient: str | None = None) -> dict[str, Any]:
    """Return a good resource to create, for a patient of its own, under an identifier of its own."""
    subject, name = patient or f"pat-{uuid4().hex[:8]}", key or str(uuid4())
    if kind == "Consent":
        return consent_of("north", subject, name)
    made = task_of("north", subject, NOW - timedelta(days=30, minutes=next(_minutes)))
    made["identifier"][0]["value"] = name
    return made


async def made(place: Place, kind: str, **options: Any) -> dict[str, Any]:
    """Create one and return it."""
    answer = await ask(place, "POST", kind, json=body(kind), **options)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, status: int, code: str | None = None) -> bool:
    """Tell whether an answer is a refusal of that status, told as an OperationOutcome that names its rule and the request."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:300]}"
    assert answer.headers["content-type"].startswith("application/fhir+json"), answer.headers
    outcome = answer.json()
    issue = outcome["issue"][0]
    told = issue["severity"] == "error" and issue["details"]["coding"][0]["code"] and issue["details"]["text"]
    named = answer.headers["x-request-id"] in issue["diagnostics"]
    assert outcome["resourceType"] == "OperationOutcome" and told and named, outcome
    assert code is None or issue["code"] == code, issue
    return True
