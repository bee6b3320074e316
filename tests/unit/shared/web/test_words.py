"""People as pages name them."""

import pytest

from shared.web.words import person_words


@pytest.mark.parametrize(
    ("name", "credential", "said"),
    [
        ("Dana Whitfield", "registered-nurse", "Dana Whitfield, RN"),
        ("Dana Whitfield, RN", "registered-nurse", "Dana Whitfield, RN"),
        ("Dana Whitfield", None, "Dana Whitfield"),
        ("Dana Whitfield", "herbalist", "Dana Whitfield, herbalist"),
        (None, "registered-nurse", "not named, RN"),
    ],
)
def test_a_credential_is_said_once(name: str | None, credential: str | None, said: str) -> None:
    assert person_words(name, credential) == said
