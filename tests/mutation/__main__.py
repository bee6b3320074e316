"""`python -m tests.mutation [--minutes N] [--only MODULE]`: mutate billing's domain, run its cases, write what survives.

Each mutant lives in a forked child: the code of its functions is exchanged, then every YAML case is run until one fails; only a
mutant that no case notices meets the unit and property tests of the domain as well. Functions' bodies are mutated, module
constants and texts are not, nor the modules that a decision does not run. Survivors go to docs/mutation.md; those with a reason
in tests/mutation/reasons.yaml are told with it.
"""

import argparse
import importlib
import inspect
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
import yaml

from services.billing.adapters.rule_book_files import load_rule_book
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.report import write_report
from tests.rules import test_rules, test_situations

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "services/billing/domain"
UNIT = "tests/unit/services/billing/domain"
NO_DECISION = {"__init__", "charge", "charge_item", "enrolment_record", "minutes", "progress"}
"""What becomes of charges, and what pages read from a decision: they have tests of their own."""
_SEED = 2026
_SLOWEST_SECONDS = 60


def main() -> None:
    """Run what fits into the time, in an order that is random and always the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--only", help="one module of the domain")
    arguments = parser.parse_args()
    modules = [path for path in sorted(DOMAIN.glob("*.py")) if path.stem not in NO_DECISION]
    mutants = [m for path in modules if arguments.only in (None, path.stem) for m in mutants_of(path)]
    random.Random(_SEED).shuffle(mutants)
    checks = list(_cases())
    if _notices(checks):
        sys.exit("the cases fail without any mutant")
    ends = time.monotonic() + arguments.minutes * 60
    survivors: list[Mutant] = []
    tried = 0
    for mutant in mutants:
        if time.monotonic() > ends:
            break
        tried += 1
        if not _killed(mutant, checks):
            survivors.append(mutant)
            print(f"{tried}/{len(mutants)} {mutant.module}:{mutant.line} {mutant.key}", flush=True)
    reasons = yaml.safe_load((Path(__file__).parent / "reasons.yaml").read_text(encoding="utf-8")) or {}
    if arguments.only is None:
        write_report(ROOT / "docs/mutation.md", survivors, tried, len(mutants), reasons)
    print(f"{tried} of {len(mutants)} mutants, {len(survivors)} survive")


def _cases() -> Iterator[tuple[Any, tuple[Any, ...]]]:
    for row in test_rules.all_cases():
        yield test_rules.test_case, row.values
    for row in test_situations.all_rows():
        yield test_situations.test_severity, row.values


def _notices(checks: list[tuple[Any, tuple[Any, ...]]]) -> bool:
    for check, values in checks:
        try:
            check(*values)
        except Exception:
            return True
    return False


def _killed(mutant: Mutant, checks: list[tuple[Any, tuple[Any, ...]]]) -> bool:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            _exchange(mutant)
            found = _notices(checks) or _unit_tests_fail()
        except BaseException:
            found = True
        os._exit(1 if found else 0)
    ends = time.monotonic() + _SLOWEST_SECONDS
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def _unit_tests_fail() -> bool:
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", UNIT]) != pytest.ExitCode.OK


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


if __name__ == "__main__":
    main()
