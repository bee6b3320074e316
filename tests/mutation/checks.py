"""The checks of the domain and which of its functions each runs: what does not run a function cannot notice its mutant."""

import os
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.rules import answers, test_rules, test_situations

DOMAIN = Path(__file__).parents[2] / "services/billing/domain"
UNIT = "tests/unit/services/billing/domain"
CACHED = {"rule_book", "rules"}
"""Modules whose work is kept between decisions: any check may notice their mutants."""

Where = tuple[str, str]
Check = Callable[[], None]


class Checks:
    """Every YAML case with its expectations, every kept answer, and the unit tests' node ids, by the functions that they run."""

    def __init__(self) -> None:
        self.cases: dict[Where, list[Check]] = defaultdict(list)
        self.answers: dict[Where, list[Check]] = defaultdict(list)
        self.nodes: dict[Where, list[str]] = defaultdict(list)
        self.broken = False
        self._kept = answers.kept()["cases"]
        for expects, keeps in self._pairs():
            found: set[Where] = set()
            self.broken |= _fails(_traced(expects, found))
            for where in _places(found):
                self.cases[where].append(expects)
                if keeps is not None:
                    self.answers[where].append(keeps)
        self.broken |= pytest.main(["-q", "-p", "no:cacheprovider", UNIT], plugins=[_Tracer(self.nodes)]) != pytest.ExitCode.OK

    def _pairs(self) -> list[tuple[Check, Check | None]]:
        def expecting(test: Callable[..., None], values: tuple[Any, ...]) -> Check:
            return lambda: test(*values)

        def keeping(name: str, facts: dict[str, Any]) -> Check:
            def check() -> None:
                assert answers.answer_of(facts) == self._kept[name]

            return check

        pairs: list[tuple[Check, Check | None]] = [
            (expecting(test_rules.test_case, row.values), keeping(str(row.id), row.values[0]["facts"]))
            for row in test_rules.all_cases()
        ]
        return pairs + [(expecting(test_situations.test_severity, row.values), None) for row in test_situations.all_rows()]

    def of(self, module: str, function: str) -> tuple[list[Check], list[Check], list[str]]:
        """Return what runs a function: cases, kept answers, unit tests (those that draw examples last)."""
        where = ("*", "*") if module in CACHED else (module, function)
        nodes = self.nodes[("*", "*") if module in CACHED else where]
        return self.cases[where], self.answers[where], sorted(nodes, key=lambda node: "test_properties" in node)


def noticed(checks: list[Check]) -> bool:
    """Tell whether one of the checks fails."""
    return any(_fails(check) for check in checks)


def unit_tests_fail(nodes: list[str]) -> bool:
    """Run unit tests quietly."""
    return bool(nodes) and pytest.main(["-x", "-q", "-p", "no:cacheprovider", *nodes]) != pytest.ExitCode.OK


def quiet() -> None:
    """Send what this process prints nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)


def _fails(check: Check) -> bool:
    try:
        check()
    except Exception:
        return True
    return False


def _places(found: set[Where]) -> set[Where]:
    return found | {("*", "*")}


def _traced(check: Check, found: set[Where]) -> Check:
    def run() -> None:
        sys.setprofile(_into(found))
        try:
            check()
        finally:
            sys.setprofile(None)

    return run


def _into(found: set[Where]) -> Callable[[FrameType, str, Any], None]:
    known: dict[CodeType, Where | None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            code = frame.f_code
            if code not in known:
                known[code] = _where(code)
            where = known[code]
            if where is not None:
                found.add(where)

    return note


def _where(code: CodeType) -> Where | None:
    path = Path(code.co_filename)
    if path.parent != DOMAIN:
        return None
    outer = code.co_qualname.split(".<locals>")[0]
    return path.stem, outer.rpartition(".")[2]


class _Tracer:
    """A pytest plugin that notes which functions each test runs."""

    def __init__(self, nodes: dict[Where, list[str]]) -> None:
        self._nodes = nodes

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Run the test's body under the profiler."""
        found: set[Where] = set()
        sys.setprofile(_into(found))
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            for where in _places(found):
                self._nodes[where].append(item.nodeid)
