"""Simulated weather: what goes wrong on request, so that an app's behaviour in it can be tested (`serve --faults`)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

_OAUTH = ("invalid_request", "invalid_scope", "unauthorized_client", "server_error", "temporarily_unavailable")

ANSWERS = {
    "authorize": (*_OAUTH, "access_denied", "wrong_iss", "no_iss", "wrong_state", "slow"),
    "token": (*_OAUTH, "invalid_client", "invalid_grant", "no_patient", "no_id_token", "slow"),
    "refresh": (*_OAUTH, "invalid_client", "invalid_grant", "no_rotation", "slow"),
    "id_token": ("iss", "aud", "azp", "exp", "nonce", "sig", "alg", "kid", "fhirUser"),
    "fhir": ("401", "403", "404", "429", "500", "503", "slow"),
}
"""What can be asked for at each place; `token` is the exchange of a code, `fhir` a request with a user's token."""

STATUS = {"invalid_client": 401, "server_error": 500, "temporarily_unavailable": 503}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """The next `times` requests at a place are answered so; `slow` waits `seconds` and then answers as always."""

    at: str
    answer: str
    times: int = 1
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.answer not in ANSWERS.get(self.at, ()):
            raise ValueError(f"no {self.answer!r} at {self.at!r}")
        if self.times < 1 or not 0 < self.seconds <= 60:
            raise ValueError("times is at least 1, seconds at most 60")


@dataclass
class Weather:
    """The faults that wait for their requests, met in the order in which they were asked for."""

    waiting: list[Fault] = field(default_factory=list)

    async def meet(self, at: str) -> str | None:
        """Return what the request at this place is to meet; None in fair weather, and after a slow answer's wait."""
        fault = next((one for one in self.waiting if one.at == at), None)
        if fault is None:
            return None
        fault.times -= 1
        if not fault.times:
            self.waiting.remove(fault)
        if fault.answer != "slow":
            return fault.answer
        await asyncio.sleep(fault.seconds)
        return None

    def told(self) -> list[dict[str, Any]]:
        """Return the waiting faults as the control route shows them."""
        return [msgspec.to_builtins(fault) for fault in self.waiting]
