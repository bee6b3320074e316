"""The order of things when a token is issued: prove, spend, decide, sign."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import pytest

from shared.access.adapters.smart_scopes import SmartScopes
from shared.access.domain.assertion import ASSERTION_TYPE, OAuthError, SignedAssertion, TokenRefused, not_authenticated
from shared.access.usecases.issue_token import IssuedToken, TokenPlace, TokenRequest, issue_token
from tests.fakes.clock import StillClock

PLACE = TokenPlace(
    "lakeside", "https://c.example", "https://c.example/t/lakeside/auth/token", "https://c.example/t/lakeside/fhir/R4"
)


class Door:
    """All ports of the use case in one, with a diary of what was done."""

    def __init__(self, *, allowed: Sequence[str] = ("system/Task.rs",), active: bool = True) -> None:
        self.allowed, self.active = allowed, active
        self.diary: list[str] = []
        self.spent: set[str] = set()
        self.clock = StillClock()

    async def verify(self, assertion: str, *, token_url: str, now: datetime) -> SignedAssertion:
        if token_url != PLACE.token_url or assertion == "bad":
            raise not_authenticated()
        return SignedAssertion("biller", assertion, now + timedelta(minutes=4))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.diary.append("rolled back" if kind else "committed")

    async def spend(self, assertion: SignedAssertion, now: datetime) -> bool:
        fresh = assertion.token_id not in self.spent
        self.spent.add(assertion.token_id)
        self.diary.append("spent")
        return fresh

    async def granted_scopes(self, client_id: str, slug: str) -> Sequence[str]:
        self.diary.append("asked for grants")
        return self.allowed

    async def is_active(self, slug: str) -> bool:
        return self.active

    async def sign(self, claims: dict[str, object], now: datetime) -> str:
        self.diary.append("signed")
        return str(claims["scope"])

    async def ask(self, assertion: str = "one", scope: str = "system/Task.r") -> IssuedToken:
        return await issue_token(
            request=TokenRequest("client_credentials", ASSERTION_TYPE, assertion, scope),
            place=PLACE,
            assertions=self,
            tenants=self,
            scopes=SmartScopes(),
            signer=self,
            count=lambda client: self.diary.append(f"counted {client}"),
            uow=lambda: self,
            clock=self.clock,
        )


async def test_the_id_is_spent_for_good_before_anything_is_signed() -> None:
    door = Door()
    assert await door.ask() == IssuedToken("system/Task.r", 300, "system/Task.r")
    assert door.diary == ["counted biller", "spent", "asked for grants", "committed", "signed"]


@pytest.mark.parametrize(
    ("door", "assertion", "scope", "error", "diary"),
    [
        (Door(), "bad", "system/Task.r", OAuthError.INVALID_CLIENT, []),
        (
            Door(active=False),
            "one",
            "system/Task.r",
            OAuthError.INVALID_CLIENT,
            ["counted biller", "spent", "asked for grants", "committed"],
        ),
        (
            Door(allowed=()),
            "one",
            "system/Task.r",
            OAuthError.INVALID_CLIENT,
            ["counted biller", "spent", "asked for grants", "committed"],
        ),
        (
            Door(),
            "one",
            "system/Consent.r",
            OAuthError.INVALID_SCOPE,
            ["counted biller", "spent", "asked for grants", "committed"],
        ),
    ],
    ids=["unproved", "sleeping tenant", "foreign tenant", "not granted"],
)
async def test_a_refusal_signs_nothing(door: Door, assertion: str, scope: str, error: OAuthError, diary: list[str]) -> None:
    with pytest.raises(TokenRefused) as refused:
        await door.ask(assertion, scope)
    assert (refused.value.error, door.diary) == (error, diary)


async def test_what_was_refused_for_its_scope_cannot_be_used_again() -> None:
    door = Door()
    for scope in ("system/Consent.r", "system/Task.r"):
        with pytest.raises(TokenRefused):
            await door.ask(scope=scope)
    assert "signed" not in door.diary


async def test_an_inactive_and_a_foreign_tenant_are_refused_in_the_same_words() -> None:
    words = set()
    for door in (Door(active=False), Door(allowed=())):
        with pytest.raises(TokenRefused) as refused:
            await door.ask()
        words.add((refused.value.error, str(refused.value)))
    assert len(words) == 1
