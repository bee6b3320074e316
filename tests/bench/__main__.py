"""`python -m tests.bench [NAME …]`: run the measures and print the table; status 1 if a goal is missed."""

import sys
from collections.abc import Callable, Iterator

from tests.bench import audit, cds, charges, decision, launch, month_assembly, post_task, reading, token_check
from tests.bench.report import Measure

MEASURES: dict[str, Callable[[], Iterator[Measure]]] = {
    "post-task": post_task.measure,
    "cds": cds.measure,
    "reading": reading.measure,
    "charges": charges.measure,
    "audit": audit.measure,
    "token-check": token_check.measure,
    "month-assembly": month_assembly.measure,
    "decision": decision.measure,
    "launch": launch.measure,
}


def main(names: list[str]) -> int:
    """Run the named measures, or all."""
    unknown = set(names) - set(MEASURES)
    if unknown:
        print(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
        return 2
    missed = 0
    for name in names or list(MEASURES):
        for measure in MEASURES[name]():
            print(measure.line(), flush=True)
            missed += not measure.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
