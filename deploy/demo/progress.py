"""How far the month was worked, in a file: a run that was cut short goes on, a whole month is not worked twice."""

import json
from pathlib import Path


class Progress:
    """The number of actions done, and whether the month was taken to its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        known = json.loads(file.read_text("ascii")) if file.exists() else {}
        self.done: int = known.get("done", 0)
        self.finished: bool = known.get("finished", False)

    def advance(self) -> None:
        """Remember one more action."""
        self.done += 1
        self._write()

    def finish(self) -> None:
        """Remember that the month is whole."""
        self.finished = True
        self._write()

    def _write(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({"done": self.done, "finished": self.finished}), "ascii")
        draft.replace(self._file)
