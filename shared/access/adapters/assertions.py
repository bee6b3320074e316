"""Verifies client assertions: what they say, by whom they are signed, in this order."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from shared.access.adapters.unit_of_work import TokenWork
from shared.access.domain.assertion import SignedAssertion, StatedAssertion, not_authenticated, read_assertion
from shared.smart.client_keys import ClientKeys
from shared.smart.tokens import peek_header

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_LONGEST = 8192


class JwtAssertions:
    """See `usecases.ports.Assertions`."""

    def __init__(self, uow: Callable[[], TokenWork], keys: ClientKeys) -> None:
        self._uow = uow
        self._keys = keys

    async def verify(self, assertion: str, *, token_url: str, now: datetime) -> SignedAssertion:
        """Return the assertion, verified; TokenRefused (invalid_client) if it is not one of a registered, active client.

        What is wrong is named only as far as it does not depend on whom we know.
        """
        stated = _stated(assertion, token_url, now)
        async with self._uow() as work:
            registered = await work.keys_of(stated.client_id)
        key = await self._keys.find(stated, registered) if registered is not None else None
        if key is None:
            raise not_authenticated()
        try:
            jws.deserialize_compact(assertion, key, algorithms=[stated.algorithm])
        except (JoseError, ValueError, TypeError) as error:
            raise not_authenticated() from error
        return SignedAssertion(stated.client_id, stated.token_id, stated.expires_at)


def _stated(assertion: str, token_url: str, now: datetime) -> StatedAssertion:
    if len(assertion) > _LONGEST or not _COMPACT.match(assertion):
        raise not_authenticated("client_assertion must be a JWT in compact form")
    try:
        header = peek_header(assertion, allowed=("jku",))
        claims: Any = json.loads(jws.extract_compact(assertion.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise not_authenticated("client_assertion must be a JWT without jwk, x5u, x5c, crit or b64 in its header") from error
    if not isinstance(claims, dict):
        raise not_authenticated("the claims must be a JSON object")
    return read_assertion(header, claims, token_url=token_url, now=now)
