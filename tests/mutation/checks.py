"""The checks of the domain and which of its functions each runs: what does not run a function cannot notice its mutant."""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
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

    def __init__(self, *, only_cases: bool = False) -> None:
        self.cases: dict[Where, list[Check]] = defaultdict(list)
        self.answers: dict[Where, list[Check]] = defaultdict(list)
        self.nodes: dict[Where, list[str]] = defaultdict(list)
        self.broken = False
        for found, expects in self._run(_cases() if only_cases else chain(_cases(), _situations())):
            for where in found:
                self.cases[where].append(expects)
        if not only_cases:
            for found, keeps in self._run(self._keeping()):
                for where in found:
                    self.answers[where].append(keeps)
            tracer = _Tracer(self.nodes)
            self.broken |= pytest.main(["-q", "-p", "no:cacheprovider", UNIT], plugins=[tracer]) != pytest.ExitCode.OK

    def _run(self, checks: Iterable[Check]) -> Iterator[tuple[set[Where], Check]]:
        """Run each check once and yield what it runs."""
        for check in checks:
            found: set[Where] = {("*", "*")}
            self.broken |= _fails(_traced(check, found))
            yield found, check

    @staticmethod
    def _keeping() -> Iterator[Check]:
        kept = answers.kept()["cases"]
        for name, facts in answers.asked().items():
            yield partial(_keeps, facts, kept[name])

    def of(self, module: str, function: str) -> tuple[list[Check], list[Check], list[str]]:
        """Return what runs a function: cases, kept answers, unit tests (those that draw examples last)."""
        where = ("*", "*") if module in CACHED else (module, function)
        nodes = self.nodes[("*", "*") if module in CACHED else where]
        return self.cases[where], self.answers[where], sorted(nodes, key=lambda node: "test_properties" in node)


def first_failing(checks: list[Check]) -> int | None:
    """Return the place of the first check that fails."""
    return next((place for place, check in enumerate(checks) if _fails(check)), None)


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


def _cases() -> Iterator[Check]:
    for row in test_rules.all_cases():
        yield partial(test_rules.test_case, *row.values)


def _situations() -> Iterator[Check]:
    for row in test_situations.all_rows():
        yield partial(test_situations.test_severity, *row.values)


def _keeps(facts: dict[str, Any], kept: str) -> None:
    assert answers.answer_of(facts) == kept


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
        found: set[Where] = {("*", "*")}
        sys.setprofile(_into(found))
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            for where in found:
                self._nodes[where].append(item.nodeid)
