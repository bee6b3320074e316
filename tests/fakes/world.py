"""A small world in a service's registry: tenants and clients, as access would have told them."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import psycopg

from shared.contracts.client import ClientState
from shared.contracts.tenant import EhrConnection, TenantDocument, TenantState

_NAMESPACE = UUID("5f1f6d7a-0000-4000-8000-000000000001")
EHR_BASE = "http://127.0.0.1:9/fhir/R4"


def tenant_id(slug: str) -> UUID:
    """Return the id of the test tenant `slug`."""
    return uuid5(_NAMESPACE, slug)


def tenant_state(slug: str, *, zone: str = "America/New_York", **changes: object) -> TenantState:
    """Return a practice's settings; `changes` replace fields of the document."""
    document = TenantDocument(
        tenant=slug,
        name=f"Practice {slug}",
        npi="1234567893",
        tin="12-3456789",
        zone=zone,
        effective_from=date(2025, 1, 1),
        ehr=EhrConnection(fhir_base=EHR_BASE, token_url="http://127.0.0.1:9/auth/token", client_id="careledger"),
    ).model_copy(update=changes)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return TenantState(tenant_id=str(tenant_id(slug)), version=1, applied_at=at, applied_by="test", document=document)


def fill_registry(admin_url: str, *, tenants: tuple[TenantState, ...], clients: tuple[str, ...] = ("ehr", "biller")) -> None:
    """Write tenants and clients into the registry of the database at `admin_url`."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [("tenant", state.tenant_id, state.version, state.model_dump_json()) for state in tenants]
    rows += [
        ("client", c, 1, ClientState(client_id=c, version=1, name=c, status="active", changed_at=at).model_dump_json())
        for c in clients
    ]
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO registry (kind, id, version, data) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", rows
        )
