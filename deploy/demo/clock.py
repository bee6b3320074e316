"""The deployment's development clock, set as `careledger dev clock` sets it: an instant in a file, replaced as a whole."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Sets domain time. The file's time of change grows with each set, for by it readers notice that the instant is another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._draft = file.with_name(file.name + ".demo")
        self._stamp = 0

    def set(self, at: datetime) -> None:
        """Let domain time stand still at `at` (aware)."""
        self._stamp = max(self._stamp + 1, time.time_ns())
        self._draft.write_text(at.astimezone(UTC).isoformat(), "ascii")
        os.utime(self._draft, ns=(self._stamp, self._stamp))
        self._draft.replace(self._file)
