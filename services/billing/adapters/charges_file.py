"""A charges file and its control file in a folder that another program watches: each appears whole or not at all.

The control file comes last: who sees it finds the charges file complete, with the size and hash that it names.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.billing.domain.charge_columns import csv_bytes
from shared.kernel.errors import Invalid


class FolderUnusable(Invalid):
    """The folder for the files cannot be written to."""

    rule = "folder"


class ChargesFile:
    """The file while it is written, under a hidden name; `size` is what was written so far, in bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / f".{uuid4().hex}.partial"
        self._out = self._partial.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Append lines."""
        data = csv_bytes(rows)
        self._out.write(data)
        self._hash.update(data)
        self.size += len(data)

    def finish(self, name: str, control: dict[str, Any]) -> Path:
        """Let the file appear as `name`.csv, and then `name`.control.json; return the latter's path."""
        _settle(self._out)
        self._partial.replace(self._folder / f"{name}.csv")
        told = {"file": f"{name}.csv", "size": self.size, "sha256": self._hash.hexdigest(), **control}
        with self._partial.open("wb") as out:
            out.write(json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n")
            _settle(out)
        path = self._partial.replace(self._folder / f"{name}.control.json")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    def abandon(self) -> None:
        """Leave nothing behind of a file that did not come to its end."""
        self._out.close()
        self._partial.unlink(missing_ok=True)


@contextmanager
def charges_file(folder: Path) -> Iterator[ChargesFile]:
    """Yield a file in `folder` (made if it is missing); FolderUnusable if it cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = ChargesFile(folder)
    except OSError as error:
        raise FolderUnusable(f"{folder}: {error.strerror}") from error
    try:
        yield file
    finally:
        file.abandon()


def _settle(out: Any) -> None:
    out.flush()
    os.fsync(out.fileno())
    out.close()
