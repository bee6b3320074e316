"""Owner: access. `ccm.client.{registered|disabled}.v1`, for the registries of the services. Not a tenant's: tenant `_`."""

from typing import Literal

from shared.contracts.base import Instant, Payload

TYPES = ("ccm.client.registered.v1", "ccm.client.disabled.v1")


class ClientState(Payload):
    """A client of the API and whether it may be served."""

    client_id: str
    version: int
    name: str
    status: Literal["active", "disabled"]
    changed_at: Instant
