"""A value: equal by what it holds, made by names only, and as small as its slots."""

from dataclasses import field, replace

import pytest

from shared.kernel.values import value


@value
class _Point:
    x: int
    y: int = 0
    seen: dict[str, int] = field(default_factory=dict, init=False, compare=False, repr=False)


@value
class _Named(_Point):
    name: str


def test_a_value_is_what_it_holds() -> None:
    assert _Point(x=1) == _Point(x=1, y=0) != _Point(x=2)
    assert len({_Point(x=1), _Point(x=1), _Named(x=1, name="a")}) == 2
    assert replace(_Named(x=1, name="a"), y=5) == _Named(x=1, y=5, name="a")


def test_a_value_takes_names_only_and_has_no_room_for_more() -> None:
    with pytest.raises(TypeError):
        _Point(1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        _Point(x=1).z = 3  # type: ignore[attr-defined]
