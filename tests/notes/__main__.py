"""How the documentation check agrees with the labels, and the two labellings with each other.

`python -m tests.notes` measures the scored half, `… tuning` the other one, `… agreement` the labellings.
"""

import sys
from time import process_time

from tests.notes.scoring import PARTS, LabelledNote, agreement, read_corpus, score


def main() -> None:
    """Print the measures that the argument asks for."""
    notes = read_corpus()
    if "agreement" in sys.argv[1:]:
        print_agreement(notes)
    else:
        print_scores(notes, tuning="tuning" in sys.argv[1:])


def print_agreement(notes: list[LabelledNote]) -> None:
    """Print Cohen's kappa by part, then each note on which the labellings differ, with both labels and the settled one."""
    print(f"{'':12}{'notes':>6}{'pass or not':>13}{'outcome':>9}")
    for name, belongs in PARTS.items():
        got = agreement(note for note in notes if belongs(note))
        differ = f"{got.acceptable_differs} and {got.outcome_differs} differ"
        print(f"{name:12}{got.notes:6}{got.acceptable:13.3f}{got.outcome:9.3f}   {differ}")
    for note in notes:
        if note.first != note.blind:
            print(f"{note.id} first {note.first}, blind {note.blind}, settled {note.label}: {note.note}")


def print_scores(notes: list[LabelledNote], *, tuning: bool) -> None:
    """Print the measures of a half; of the tuning half, also the notes on which rules and label differ."""
    half = [note for note in notes if note.scored is not tuning]
    print(f"{len(notes)} notes, {sum(note.acceptable for note in notes)} acceptable; {'tuning' if tuning else 'scored'} half:")
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
