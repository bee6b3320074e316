"""Owner: access. `ccm.web-session.ended.v1`: page tokens of this session are void at once. The aggregate is the session."""

from typing import Literal

from shared.contracts.base import Instant, Payload

TYPES = ("ccm.web-session.ended.v1",)


class WebSessionState(Payload):
    """A web session that has ended: no token that carries its id (`sid`) is served any more."""

    session: str
    version: int
    ended_at: Instant
    reason: Literal["signed-out", "other-user", "ehr-ended"]
