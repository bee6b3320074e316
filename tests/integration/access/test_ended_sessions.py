"""A session that ended here is void in every service: its page tokens open nothing from then on (integration.md 1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.consent.main import JOURNAL
from shared.contracts.event import Event
from shared.contracts.tenant import TenantDocument, TenantState
from shared.contracts.web_session import WebSessionState
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.kernel.errors import Unauthenticated
from shared.kernel.ids import uuid7
from shared.smart.authenticator import TokenAuthenticator
from shared.smart.keys import KeySource
from shared.smart.registry import Registry, record_registry_events
from shared.smart.tokens import TokenVerifier
from shared.web.access_control import page
from tests.fakes.tokens import PUBLIC_URL, TokenMaker

TENANT_ID = uuid4()


def event_of(kind: str, aggregate: str, at: datetime, data: dict[str, Any]) -> Event:
    return Event(uuid7(at), kind, "lakeside", TENANT_ID, aggregate, 1, at, data)


def ended(session: UUID, at: datetime) -> Event:
    state = WebSessionState(session=str(session), version=1, ended_at=at, reason="ehr-ended")
    return event_of("ccm.web-session.ended.v1", str(session), at, state.model_dump(mode="json"))


@pytest.fixture
def practice() -> Event:
    """A practice, as access tells it."""
    now = datetime.now(UTC)
    ehr = {"fhir_base": "https://ehr.example/r4", "token_url": "https://ehr.example/token", "client_id": "c"}
    document = TenantDocument.model_validate(
        {"tenant": "lakeside", "name": "L", "npi": "1234567893", "zone": "UTC", "effective_from": "2025-01-01", "ehr": ehr}
    )
    state = TenantState(tenant_id=str(TENANT_ID), version=1, applied_at=now, applied_by="test", document=document)
    return event_of("ccm.tenant.applied.v1", str(TENANT_ID), now, state.model_dump(mode="json"))


async def test_a_token_of_an_ended_session_is_refused_and_of_no_other(
    make_database: Callable[[str], Any], tokens: TokenMaker, practice: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.smart.registry._REFRESH_SECONDS", 0)
    urls, now = make_database("consent"), datetime.now(UTC)
    app, worker = make_engine(urls.app, name="test"), make_engine(urls.worker, name="test")
    registry = Registry(app, JOURNAL, service="consent")
    authenticator = TokenAuthenticator(
        TokenVerifier(KeySource(str(tokens.jwks)), issuer=PUBLIC_URL), registry, public_url=PUBLIC_URL
    )
    mine, other, long_past = uuid4(), uuid4(), uuid4()

    async def opens(session: UUID) -> bool:
        claims: dict[str, object] = {"roles": ["biller"], "sid": str(session), "aud": f"{PUBLIC_URL}/t/lakeside/app"}
        bearer = tokens.bearer("lakeside", "", **claims)["Authorization"]
        try:
            await authenticator.authenticate(bearer, tenant="lakeside", needs=page("biller", chart=False))
        except Unauthenticated:
            return False
        return True

    async def told(*events: Event) -> None:
        async with worker_transaction(worker) as connection:
            await record_registry_events(connection, JOURNAL, events)

    await told(practice)
    assert [await opens(one) for one in (mine, other, long_past)] == [True, True, True]
    await told(ended(mine, now), ended(mine, now), ended(long_past, now - timedelta(hours=1)))
    # no token of a session that ended an hour ago can still live: the registry does not carry it about
    assert [await opens(one) for one in (mine, other, long_past)] == [False, True, True]
    await app.dispose()
    await worker.dispose()
