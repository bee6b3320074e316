"""Puts a mutant in place of the domain's function, in a forked child, and tells whether a check notices it."""

import importlib
import inspect
import mmap
import os
import time
from collections.abc import Iterator
from enum import IntEnum
from types import FunctionType, ModuleType

from services.billing.adapters.rule_book_files import load_rule_book
from tests.mutation.checks import Checks, first_failing, quiet, unit_tests_fail
from tests.mutation.mutants import Mutant

_SLOWEST_SECONDS = 60
_PLACE = memoryview(mmap.mmap(-1, 4)).cast("I")
"""The place of the check that noticed, told by the child in memory that both share."""


class Fate(IntEnum):
    """What became of a mutant; also the child's exit status. A child that breaks or hangs was noticed by its cases."""

    SURVIVED = 0
    BY_CASE = 1
    BY_UNIT_TEST = 2
    BY_ANSWER = 3


def fate_of(mutant: Mutant, checks: Checks) -> Fate:
    """Run what touches the mutant's function until something fails: cases, unit tests, at last the kept answers."""
    _PLACE[0] = 0
    child = os.fork()
    if child == 0:
        quiet()
        try:
            fate = _in_child(mutant, checks)
        except BaseException:
            fate = Fate.BY_CASE
        os._exit(fate)
    ends = time.monotonic() + _SLOWEST_SECONDS
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            fate = Fate(os.waitstatus_to_exitcode(status)) if os.WIFEXITED(status) else Fate.BY_CASE
            _to_front(checks, mutant, fate)
            return fate
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return Fate.BY_CASE


def _to_front(checks: Checks, mutant: Mutant, fate: Fate) -> None:
    """Ask first next time what has just noticed a mutant of the function: it often notices the next one too."""
    cases, answers, _ = checks.of(mutant.module, mutant.function)
    among = {Fate.BY_CASE: cases, Fate.BY_ANSWER: answers}.get(fate)
    if among:
        among.insert(0, among.pop(_PLACE[0]))


def _in_child(mutant: Mutant, checks: Checks) -> Fate:
    _exchange(mutant)
    cases, answers, nodes = checks.of(mutant.module, mutant.function)
    for fate, among in ((Fate.BY_CASE, cases), (Fate.BY_ANSWER, answers)):
        place = first_failing(among)
        if place is not None:
            _PLACE[0] = place
            return fate
    return Fate.BY_UNIT_TEST if unit_tests_fail(nodes) else Fate.SURVIVED


def _exchange(mutant: Mutant) -> None:
    """Give the module's functions the mutant's code, wherever they have been imported."""
    module = importlib.import_module(f"services.billing.domain.{mutant.module}")
    changed = ModuleType(module.__name__)
    exec(mutant.code, changed.__dict__)
    for name, before in _functions(module):
        after = dict(_functions(changed)).get(name)
        if after is not None:
            before.__code__ = after.__code__
            if hasattr(getattr(module, name, None), "cache_clear"):
                getattr(module, name).cache_clear()
    if mutant.module in ("rule_book", "rules"):
        load_rule_book.cache_clear()  # what the mutant reads otherwise has been read already


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    for name, value in vars(module).items():
        plain = inspect.unwrap(value) if callable(value) else value
        if isinstance(plain, FunctionType) and plain.__module__ == module.__name__:
            yield name, plain
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for inner, member in vars(value).items():
                bare = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if isinstance(bare, FunctionType):
                    yield f"{name}.{inner}", bare
