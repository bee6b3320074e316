"""`python -m tests.notes`: how the documentation check agrees with the labels, on the scored half (`tuning` for the other)."""

import sys
from time import process_time

from tests.notes.scoring import PARTS, kappa, read_corpus, score


def main() -> None:
    """Print the measures; with `tuning`, of the tuning half, and the notes on which rules and label differ."""
    notes = read_corpus()
    tuning = "tuning" in sys.argv[1:]
    half = [note for note in notes if note.scored is not tuning]
    strict = kappa((note.first, note.second) for note in notes)
    binary = kappa((str(note.first == "pass"), str(note.second == "pass")) for note in notes)
    print(f"{len(notes)} notes, {sum(note.acceptable for note in notes)} acceptable; {'tuning' if tuning else 'scored'} half:")
    print(f"two labellings: kappa {binary:.3f} (pass or not), {strict:.3f} (outcome with elements)")
    print(f"{'':12}{'notes':>6}{'accept.':>9}{'precision':>11}{'recall':>8}{'outcome':>9}")
    for name, belongs in PARTS.items():
        part = [note for note in half if belongs(note)]
        got = score(part)
        wanted = got.true_pass + got.missed_pass
        precision = f"{got.precision:.3f}" if got.true_pass + got.false_pass else "-"
        recall = f"{got.recall:.3f}" if wanted else "-"
        print(f"{name:12}{got.notes:6}{wanted:9}{precision:>11}{recall:>8}{got.outcomes:9.3f}   {got.false_pass} passed wrongly")
    before = process_time()
    for note in half:
        note.judged()
    print(f"{(process_time() - before) / len(half) * 1000:.2f} ms a note")
    for note in half if tuning else ():
        found = note.judged()
        if (found.outcome == "pass") is not note.acceptable:
            print(f"label {note.label}, rules {found.outcome} {' '.join(found.missing)}: {note.note}")


if __name__ == "__main__":
    main()
