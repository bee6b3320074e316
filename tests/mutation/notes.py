"""Remembers what became of each mutant, so that a run can continue where another stopped."""

import json
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.runner import Fate


class Notes:
    """Lines of JSON, one a mutant tried: its key, which of several alike it is, its fate. The last line of a mutant counts."""

    def __init__(self, path: Path | None, *, again: bool = False) -> None:
        self._path = path
        self._known: dict[tuple[str, int], Fate] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []:
            told = json.loads(line)
            self._known[told["key"], told["nth"]] = Fate[told["fate"]]
        if again:
            self._known = {key: fate for key, fate in self._known.items() if fate is not Fate.SURVIVED}

    def fate_of(self, mutant: Mutant) -> Fate | None:
        """Return what became of the mutant in an earlier run."""
        return self._known.get((mutant.key, mutant.nth))

    def write(self, mutant: Mutant, fate: Fate) -> None:
        """Add a line."""
        if self._path is not None:
            line = json.dumps({"key": mutant.key, "nth": mutant.nth, "fate": fate.name}, ensure_ascii=False)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
