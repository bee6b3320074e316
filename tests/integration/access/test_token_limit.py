"""One client gets so many tokens a minute (standards.md, requirement 33); what is not proved counts for nobody."""

from dataclasses import replace

import httpx
import pytest

from shared.access import main
from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.asking import Keys, assertion, claims_of, form_of

pytestmark = pytest.mark.requirement("standards-33")


async def test_tokens_are_limited_for_each_client(settings: AccessSettings, world: None, keys: Keys) -> None:
    app = main.create_app(replace(settings, tokens_per_minute=2))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:

            async def ask(signed: str, scope: str) -> httpx.Response:
                return await http.post("/t/lakeside/auth/token", data=form_of(signed, scope))

            forged = claims_of("biller", iss="biller", exp=1)
            assert [(await ask(assertion(keys.rsa, forged), "system/ChargeItem.r")).status_code for _ in range(3)] == [400] * 3
            asked = [assertion(keys.rsa, claims_of("biller")) for _ in range(3)]
            answers = [await ask(signed, "system/ChargeItem.r") for signed in asked]
            other = await ask(assertion(keys.ec, claims_of("ehr")), "system/Task.r")
    assert [answer.status_code for answer in (*answers, other)] == [200, 200, 429, 200]
    assert answers[2].headers["Retry-After"] == "30"
