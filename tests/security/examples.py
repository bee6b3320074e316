"""A request for every route: what it looks like, and which statuses say that its caller was let through."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from services.billing.domain.cards import CardTopic, card_id
from services.billing.entrypoints.preview_example import EXAMPLE
from shared.access.fhir_mapping.conformance import TYPES
from tests.fakes.cds import SERVICE, hook_body
from tests.integration.timetrack.staff import nurse
from tests.security.place import NOW, Objects, Place, consent_of, start_timer, task_of

_FHIR = "/t/{tenant}/fhir/R4"
_minutes = count(20, 20)
Values = Mapping[str, str]
Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One route's request.

    `values` fills the path's parameters from what is aimed at. A caller who holds the scopes gets one of `allowed` if what
    it aims at is there for it, `hidden` if it belongs to a patient to whom the caller is not bound, and `absent` if the
    practice has no such thing (None: the route names no single thing). `whole` routes concern a whole practice: a caller
    bound to a patient is refused. `shown` tells from an answer of status 200 whether the thing was shown or done after all.
    """

    values: Callable[[Objects], Values] = lambda aim: {}
    allowed: frozenset[int] = frozenset((200,))
    hidden: int = 404
    absent: int | None = 404
    whole: bool = False
    body: Callable[[Objects], Any] | None = None
    form: Callable[[Objects], Values] | None = None
    query: Callable[[Objects], Values] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: Callable[[Place, Objects], Awaitable[Objects]] | None = None
    shown: Callable[[httpx.Response], bool] | None = None


def _open(*statuses: int, **values: str) -> Example:
    return Example(lambda _: values, frozenset(statuses or (200,)), absent=None)


def _by_id(name: str) -> Callable[[Objects], Values]:
    return lambda aim: {f"{name}_id": getattr(aim, name), "version": "1"}


def _patient(aim: Objects) -> Values:
    return {"patient": aim.patient}


def _search(**options: Any) -> Example:
    return Example(absent=None, hidden=200, query=_patient, **options)


def _form_search() -> Example:
    return Example(absent=None, hidden=200, form=_patient)


def _provenance(prefix: str, name: str) -> Example:
    return Example(lambda aim: {"provenance_id": f"{prefix}-{getattr(aim, name)}-1"})


def _new_consent(aim: Objects) -> Json:
    body = consent_of(aim.tenant, aim.patient, f"m-{uuid4()}")
    body["category"][1]["coding"][0]["code"] = "apcm"
    return body


def _change_consent(aim: Objects) -> Json:
    return {**consent_of(aim.tenant, aim.patient, "x"), "id": aim.consent}


def _new_task(aim: Objects) -> Json:
    return task_of(aim.tenant, aim.patient, NOW - timedelta(days=20, minutes=next(_minutes)))


def _change_task(aim: Objects) -> Json:
    return {**task_of(aim.tenant, aim.patient, NOW - timedelta(days=9)), "id": aim.task}


def _timer(body: Callable[[Objects], Json] | None = None, *, fresh: bool = False, **options: Any) -> Example:
    def given(aim: Objects) -> Json:
        return {"performer": aim.nurse} | (body(aim) if body else {})

    return Example(lambda aim: {"timer_id": aim.timer}, whole=True, body=given, fresh=_fresh_timer if fresh else None, **options)


async def _fresh_timer(place: Place, aim: Objects) -> Objects:
    who = f"rn-fresh-{uuid4().hex[:12]}"
    await place.expect(201, "PUT", f"/t/{aim.tenant}/time/roster/{who}", tenant=aim.tenant, json=nurse())
    timer = await start_timer(place, aim.tenant, aim.patient, who)
    return replace(aim, timer=timer, nurse=who)


async def _fresh_review(place: Place, aim: Objects) -> Objects:
    return replace(aim, review=place.add_review(aim))


async def _kept_document(place: Place, aim: Objects) -> Objects:
    place.add_document(aim)
    return aim


def _acknowledgement(aim: Objects) -> Json:
    parts = [
        {"name": "charge", "valueReference": {"reference": f"ChargeItem/{aim.charge}"}},
        {"name": "outcome", "valueCode": "billed"},
        {"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": "C-1"}},
        {"name": "version", "valueString": "99"},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "item", "part": parts}]}


def _conflicts(answer: httpx.Response) -> bool:
    """A charge that is there for the caller conflicts, since the version seen is a wrong one; another is refused."""
    items = [one for one in answer.json()["parameter"] if one["name"] == "item"]
    return "conflict" in [part.get("valueCode") for part in items[0]["part"]]


def _attestation(aim: Objects) -> Json:
    return {
        "identifier": {"system": "https://north.example/attestations", "value": f"matrix/{uuid4()}"},
        "kind": "risk", "patient": aim.patient, "value": {"significant": True}, "by": "dr-ada",
        "role": "billing-practitioner", "signed_at": "2026-01-20T16:00:00Z", "effective": "2026-01-20",
    }  # fmt: skip


def _month(month: str = "2026-10", body: Json | None = None) -> Example:
    return Example(lambda _: {"month": month}, whole=True, absent=None, body=(lambda _: body) if body else None)


_SIGNED = {"by": "dr-ada", "reason": "the matrix closes an empty month"}
_ROSTER = Example(lambda aim: {"practitioner": aim.nurse}, whole=True, allowed=frozenset((200,)))


def _card_set_aside(_: Objects) -> Json:
    card = card_id(CardTopic.TIME, uuid4().bytes)
    return {"feedback": [{"card": str(card), "outcome": "overridden", "outcomeTimestamp": "2026-11-03T15:00:00Z"}]}


_CDS = "/t/{tenant}/cds-services"
_LAUNCH = (
    ("GET", "/launch"), ("POST", "/launch/begin"), ("POST", "/launch/proof"), ("GET", "/callback"), ("POST", "/launch/complete"),
    ("POST", "/session/token"), ("POST", "/session/end"), ("GET", "/app/{launch_id}"), ("GET", "/static/{digest}/{name:path}"),
    ("GET", "/launch/frame"), ("POST", "/launch/framed"), ("POST", "/launch/refused/{tenant_id}"),
)  # fmt: skip
"""Open by nature: each proves its caller by what the launch gave it (tests of the launch), none of them by a token."""

EXAMPLES: dict[tuple[str, str], Example] = {
    ("POST", "/t/{tenant}/auth/token"): _open(400),
    ("GET", "/t/{tenant}/auth/whoami"): Example(absent=None, hidden=200),
    ("GET", "/.well-known/jwks.json"): _open(),
    ("GET", "/.well-known/ehr-client-jwks.json"): _open(),
    ("GET", f"{_FHIR}/.well-known/smart-configuration"): _open(),
    ("GET", f"{_FHIR}/metadata"): _open(),
    **{("GET", f"{_FHIR}/{kind}"): _open() for kind in TYPES},
    **{("GET", f"{_FHIR}/{kind}/{{name}}"): _open(200, 404, name="program") for kind in TYPES},
    **{(method, f"{_FHIR}{slash}"): _open(405) for method in ("GET", "POST", "PUT", "PATCH", "DELETE") for slash in ("", "/")},
    **{("GET", f"/internal/{part}/live"): _open(204) for part in ("access", "consent", "timetrack", "billing")},
    **{("GET", f"/internal/{part}/metrics"): _open() for part in ("access", "consent", "timetrack", "billing")},
    **{(method, path): _open(200, 303, 400, 401, 403, 404, 409, 422, launch_id="none", digest="0", name="x",
                            tenant_id=str(uuid4()))
       for method, path in _LAUNCH},
    ("POST", f"{_FHIR}/Consent"): Example(allowed=frozenset((201,)), hidden=403, absent=None, body=_new_consent),
    ("POST", f"{_FHIR}/Consent/_search"): _form_search(),
    ("GET", f"{_FHIR}/Consent"): _search(),
    ("GET", f"{_FHIR}/Consent/{{consent_id}}"): Example(_by_id("consent")),
    ("PUT", f"{_FHIR}/Consent/{{consent_id}}"): Example(
        _by_id("consent"), frozenset((412,)), 405, 405, body=_change_consent, headers={"If-Match": 'W/"99"'}
    ),
    ("GET", f"{_FHIR}/Consent/{{consent_id}}/_history"): Example(_by_id("consent")),
    ("GET", f"{_FHIR}/Consent/{{consent_id}}/_history/{{version}}"): Example(_by_id("consent")),
    ("GET", f"{_FHIR}/Provenance/{{provenance_id}}"): _provenance("c", "consent"),
    ("GET", "/t/{tenant}/consent/documents/{document_id}"): Example(
        lambda aim: {"document_id": aim.consent}, fresh=_kept_document
    ),
    ("GET", "/t/{tenant}/consent/in-force"): Example(absent=200, query=lambda aim: {"patient": aim.patient, "program": "ccm"}),
    ("POST", f"{_FHIR}/Task"): Example(allowed=frozenset((201,)), hidden=403, absent=None, body=_new_task),
    ("POST", f"{_FHIR}/Task/_search"): _form_search(),
    ("GET", f"{_FHIR}/Task"): _search(),
    ("GET", f"{_FHIR}/Task/{{task_id}}"): Example(_by_id("task")),
    ("PUT", f"{_FHIR}/Task/{{task_id}}"): Example(
        _by_id("task"), frozenset((412,)), 405, 405, body=_change_task, headers={"If-Match": 'W/"99"'}
    ),
    ("GET", f"{_FHIR}/Task/{{task_id}}/_history"): Example(_by_id("task")),
    ("GET", f"{_FHIR}/Task/{{task_id}}/_history/{{version}}"): Example(_by_id("task")),
    ("POST", "/t/{tenant}/time/timers"): Example(
        absent=None, whole=True, allowed=frozenset((409,)),
        body=lambda aim: {"identifier": str(uuid4()), "performer": "rn-north-1", "patient": aim.patient, "program": "ccm",
                          "activity": "patient-contact"},
    ),
    ("GET", "/t/{tenant}/time/timers"): Example(whole=True, absent=403, query=lambda aim: {"performer": aim.nurse}),
    ("GET", "/t/{tenant}/time/timers/{timer_id}"): Example(
        lambda aim: {"timer_id": aim.timer}, whole=True, absent=403, query=lambda aim: {"performer": aim.nurse}
    ),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/pause"): _timer(fresh=True),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/resume"): _timer(fresh=True),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/heartbeat"): _timer(fresh=True),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/switch"): _timer(
        lambda _: {"program": "ccm", "activity": "care-coordination"}, fresh=True, allowed=frozenset((200,))
    ),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/stop"): _timer(fresh=True, allowed=frozenset((200,))),
    ("POST", "/t/{tenant}/time/timers/{timer_id}/discard"): _timer(lambda _: {"reason": "the matrix"}, fresh=True),
    ("GET", "/t/{tenant}/time/roster"): Example(whole=True, absent=None),
    ("GET", "/t/{tenant}/time/roster/{practitioner}"): _ROSTER,
    ("PUT", "/t/{tenant}/time/roster/{practitioner}"): Example(
        lambda aim: {"practitioner": aim.nurse}, whole=True, allowed=frozenset((412,)), absent=412,
        body=lambda _: nurse(), headers={"If-Match": 'W/"99"'},
    ),
    ("POST", f"{_FHIR}/ChargeItem/$acknowledge"): Example(hidden=200, absent=200, body=_acknowledgement, shown=_conflicts),
    ("POST", f"{_FHIR}/ChargeItem/_search"): _form_search(),
    ("GET", f"{_FHIR}/ChargeItem"): _search(),
    ("GET", f"{_FHIR}/ChargeItem/{{charge_id}}"): Example(_by_id("charge")),
    ("GET", f"{_FHIR}/ChargeItem/{{charge_id}}/_history"): Example(_by_id("charge")),
    ("GET", f"{_FHIR}/ChargeItem/{{charge_id}}/_history/{{version}}"): Example(_by_id("charge")),
    ("POST", "/t/{tenant}/billing/attestations"): Example(
        whole=True, allowed=frozenset((201,)), absent=None, body=_attestation
    ),
    ("POST", "/t/{tenant}/billing/reviews/{review_id}"): Example(
        lambda aim: {"review_id": aim.review}, whole=True, allowed=frozenset((200,)),
        body=lambda _: {"decision": "leave-out", "reason": "the matrix", "by": "dr-ada"}, fresh=_fresh_review,
    ),
    ("GET", "/t/{tenant}/billing/overpayments"): Example(whole=True, absent=None),
    ("POST", "/t/{tenant}/billing/overpayments/{case_id}/settle"): Example(
        lambda _: {"case_id": str(uuid4())}, whole=True, allowed=frozenset((404,)), absent=None,
        body=lambda _: {"outcome": "returned", "reference": "the matrix", "by": "dr-ada"},
    ),
    ("POST", "/t/{tenant}/billing/preview"): Example(absent=None, hidden=200, body=lambda _: EXAMPLE),
    ("GET", "/t/{tenant}/billing/exports/{secret}"): _open(404, secret="no-secret"),
    ("GET", "/t/{tenant}/billing/rules"): Example(absent=None, hidden=200),
    ("GET", "/t/{tenant}/billing/rules/{rule_id}"): Example(lambda _: {"rule_id": "T1"}, absent=None, hidden=200),
    ("POST", "/t/{tenant}/billing/months/{month}/assemble"): _month(),
    ("POST", "/t/{tenant}/billing/months/{month}/attest"): _month(body={"by": "dr-ada"}),
    ("POST", "/t/{tenant}/billing/months/{month}/close"): _month("2025-02", _SIGNED),
    ("POST", "/t/{tenant}/billing/months/{month}/reopen"): _month("2025-03", _SIGNED),
    ("GET", "/t/{tenant}/billing/months/{month}"): _month(),
    ("GET", "/t/{tenant}/billing/months/{month}/manifest"): _month(),
    ("GET", "/t/{tenant}/billing/months/{month}/charges.csv"): _month("2025-02"),
    ("GET", _CDS): _open(),
    **{("OPTIONS", f"{_CDS}{rest}"): _open(204, service_id=SERVICE) for rest in ("", "/{service_id}", "/{service_id}/feedback")},
    ("POST", f"{_CDS}/{{service_id}}"): Example(
        lambda _: {"service_id": SERVICE}, absent=None, body=lambda aim: hook_body(aim.patient)
    ),
    ("POST", f"{_CDS}/{{service_id}}/feedback"): Example(
        lambda _: {"service_id": SERVICE}, absent=None, body=_card_set_aside
    ),
}  # fmt: skip

SECOND_EXAMPLES = {
    ("timetrack", "GET", f"{_FHIR}/Provenance/{{provenance_id}}"): _provenance("t", "task"),
    ("billing", "GET", f"{_FHIR}/Provenance/{{provenance_id}}"): _provenance("b", "charge"),
}
"""Where two parts have the same route."""


_PAGE_ANSWERS = frozenset((200, 201, 204, 303, 400, 403, 404, 405, 409, 412, 415, 422))


def _page_values(aim: Objects) -> Values:
    """Return what a page's address may name, by the parameter's name; all else names nothing."""
    known = {f"{name}_id": getattr(aim, name) for name in ("consent", "task", "charge", "timer", "review")}
    return defaultdict(lambda: "nothing", known | {"patient": aim.patient, "practitioner": aim.nurse, "month": "2026-10"})


PAGE = Example(_page_values, _PAGE_ANSWERS, absent=None)
"""Every page and fragment: who may come is checked in each cell, and that no stranger's name is shown; not what it says."""


def example_of(part: str, method: str, path: str) -> Example | None:
    """Return the example of a part's route, None if somebody has added a route without one."""
    found = SECOND_EXAMPLES.get((part, method, path)) or EXAMPLES.get((method, path))
    return PAGE if found is None and path.startswith("/t/{tenant}/app/") else found
