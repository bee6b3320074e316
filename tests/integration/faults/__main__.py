"""`python -m tests.integration.faults --points 200 --seed N`: the month under many more faults than a test has time for."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.faults.deployment import deployment
from tests.integration.faults.month import CHARTS, Month
from tests.integration.faults.storm import Storm, calm, check, difference

_POINTS = 20


def main() -> int:
    """Run months of 20 points each until there were as many as asked for; status 1 at the first that ends otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.faults", description=__doc__)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", default=str(int(time.time())))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="clf") as folder, deployment(Path(folder) / "d", CHARTS) as place:
        place.open_practice("calm")
        first = Month(place, "calm")
        began = time.monotonic()
        calm(first)
        wanted = first.charges()
        print(f"without faults: {len(wanted)} charges; {time.monotonic() - began:.1f} s", flush=True)
        months = [first]
        for number in range(-(-options.points // _POINTS)):
            began = time.monotonic()
            place.open_practice(f"storm-{number}")
            month = Month(place, f"storm-{number}")
            months.append(month)
            storm = Storm(place, month, f"{options.seed}/{number}", min(_POINTS, options.points - number * _POINTS))
            storm.run()
            check(place, months)
            found = month.charges()
            same = found == wanted
            told = ", ".join(f"{count} {what}" for what, count in sorted(storm.struck.items()))
            print(
                f"month {number}: {told}: {'the same' if same else 'OTHER'} charges, {time.monotonic() - began:.1f} s", flush=True
            )
            if not same:
                print("\n".join(difference(wanted, found)))
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
