"""`python -m tests.mutation [--minutes N] [--only MODULE] [--notes FILE [--again]]`: mutate the domain, write what survives.

Each mutant lives in a forked child: the code of its functions is exchanged, then every check that runs the mutated function is
run until one fails: YAML cases, the kept answers (tests/rules/answers.json), the unit and property tests of the domain.
Functions' bodies are mutated, module constants and texts are not, nor the modules that a decision does not run. Survivors go to
docs/mutation.md, each with its reason from tests/mutation/reasons.yaml. Notes are lines of JSON: a run that finds a mutant's fate
there does not try it again, so it continues where one stopped; `--again` tries once more what survived.
"""

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

import yaml

from tests.mutation.checks import DOMAIN, Checks
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.notes import Notes
from tests.mutation.report import write_report
from tests.mutation.runner import Fate, fate_of

TARGET = Path(__file__).parents[2] / "docs/mutation.md"
REASONS = Path(__file__).parent / "reasons.yaml"
NO_DECISION = {
    "__init__",
    "cards",
    "charge",
    "charge_columns",
    "charge_item",
    "claim_data",
    "enrolment_record",
    "feed_position",
    "minutes",
    "progress",
    "remittance",
    "renewal",
}
"""What becomes of charges, and what pages read from a decision: they have tests of their own."""
_SEED = 2026


def all_mutants(only: str | None = None) -> list[Mutant]:
    """Return every mutant of the modules that decide, in an order that is random and always the same."""
    modules = [path for path in sorted(DOMAIN.glob("*.py")) if path.stem not in NO_DECISION]
    mutants = [mutant for path in modules if only in (None, path.stem) for mutant in mutants_of(path)]
    random.Random(_SEED).shuffle(mutants)
    return mutants


def main() -> None:
    """Run what fits into the time."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--only", help="one module of the domain; nothing is written")
    parser.add_argument("--notes", type=Path, help="continue after what these lines of an earlier run tell")
    parser.add_argument("--again", action="store_true", help="try again what survived according to the notes")
    arguments = parser.parse_args()
    mutants = all_mutants(arguments.only)
    notes = Notes(arguments.notes, again=arguments.again)
    checks = Checks()
    if checks.broken:
        sys.exit("the checks fail without any mutant")
    ends = time.monotonic() + arguments.minutes * 60
    fates: Counter[Fate] = Counter()
    survivors: list[Mutant] = []
    for mutant in mutants:
        fate = notes.fate_of(mutant)
        if fate is None and time.monotonic() <= ends:
            fate = fate_of(mutant, checks)
            notes.write(mutant, fate)
        if fate is not None:
            fates[fate] += 1
        if fate is Fate.SURVIVED:
            survivors.append(mutant)
            print(f"{fates.total()}/{len(mutants)} {mutant.module}:{mutant.line} {mutant.key}", flush=True)
    if arguments.only is None:
        reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8")) or {}
        write_report(TARGET, survivors, fates.total(), len(mutants), reasons)
    print(f"{fates.total()} of {len(mutants)} mutants: {', '.join(f'{n} {fate.name}' for fate, n in sorted(fates.items()))}")


if __name__ == "__main__":
    main()
