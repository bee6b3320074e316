"""A sample of the mutation run: wrong changes in the rules that money hangs on are noticed, and the run can tell."""

from itertools import islice

import pytest

from tests.mutation.__main__ import NO_DECISION
from tests.mutation.checks import DOMAIN, Checks
from tests.mutation.mutants import mutants_of
from tests.mutation.runner import Fate, fate_of

SAMPLE = (("lanes", "units_of"), ("pieces", "sums"), ("consent_window", "_why_none"), ("eligibility", "_is_visit"))
EACH = 3


@pytest.fixture(scope="module")
def checks() -> Checks:
    """The YAML cases and what they run; the rest is left to the whole run."""
    return Checks(only_cases=True)


@pytest.mark.requirement("issue-9")
@pytest.mark.parametrize(("module", "function"), SAMPLE)
def test_mutants_of_the_rules_are_noticed_by_cases(checks: Checks, module: str, function: str) -> None:
    """The first mutants of a function, each noticed by the expectations of a case."""
    mutants = [mutant for mutant in mutants_of(DOMAIN / f"{module}.py") if mutant.function == function]
    assert len(mutants) >= EACH
    assert [(m.key, fate_of(m, checks)) for m in islice(mutants, EACH)] == [(m.key, Fate.BY_CASE) for m in islice(mutants, EACH)]


@pytest.mark.requirement("issue-9")
def test_what_changes_nothing_survives(checks: Checks) -> None:
    """An empty piece of no length adds nothing to a sum: the run says so instead of noticing everything."""
    assert not checks.broken
    same = next(m for m in mutants_of(DOMAIN / "pieces.py") if m.key == "pieces:sums: `end > reached` → `end >= reached`")
    assert fate_of(same, checks) is Fate.SURVIVED


def test_what_is_not_mutated_exists() -> None:
    """Every other module of the domain is mutated, a new one too."""
    assert {path.stem for path in DOMAIN.glob("*.py")} > NO_DECISION
