"""The development clock: domain time that a person sets, for the demo and for tests, never in production."""

from datetime import UTC, datetime
from pathlib import Path

from shared.kernel.clock import Clock, SystemClock


class DevClock:
    """Stands still at the instant written in a file, and runs with the system while there is no such file.

    Every process of a deployment that is given the same file agrees on the time. `careledger dev clock INSTANT` writes it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = (-1, datetime.now(UTC))

    def now(self) -> datetime:
        """Return the set instant, or the system's present."""
        try:
            stamp = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return datetime.now(UTC)
        if stamp != self._seen[0]:
            self._seen = (stamp, datetime.fromisoformat(self._file.read_text("ascii")))
        return self._seen[1]

    def set(self, at: datetime | None) -> None:
        """Stand still at `at` (aware), or with None run with the system again."""
        if at is None:
            self._file.unlink(missing_ok=True)
            return
        draft = self._file.with_suffix(".new")
        draft.write_text(at.astimezone(UTC).isoformat(), "ascii")
        draft.replace(self._file)


def clock_for(*, dev: bool, file: Path | None) -> Clock:
    """Return the domain clock: a settable one only in development and only where a file is named."""
    return DevClock(file) if dev and file is not None else SystemClock()
