"""A note's parts as one text."""

import pytest

from shared.kernel.notes import told_once


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("Called the pharmacy.", "LDL 130.", "LDL 130. Called the pharmacy."), "Called the pharmacy. LDL 130."),
        (("Called the pharmacy", None, "Will call 10/22."), "Called the pharmacy Will call 10/22."),
        (("Called. Moved the fill.", "Copay $22", ""), "Called. Moved the fill. Copay $22"),
        ((None, None, None), ""),
    ],
)
def test_each_sentence_is_told_once_in_the_order_of_the_parts(parts: tuple[str | None, ...], text: str) -> None:
    assert told_once(*parts) == text
