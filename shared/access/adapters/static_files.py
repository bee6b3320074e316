"""The files of every page, read once at start and served under an address that changes with any byte of them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import shared.web

_FOLDER = Path(shared.web.__file__).parent / "static"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class StaticFile:
    """One file with its media type."""

    body: bytes
    kind: str


class StaticFiles:
    """`digest` is that of all files together: style sheets name their neighbours relatively."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in _KINDS)
        self.files = {path.relative_to(folder).as_posix(): StaticFile(path.read_bytes(), _KINDS[path.suffix]) for path in paths}
        whole = sha256()
        for name, file in self.files.items():
            whole.update(f"{name}\0{len(file.body)}\0".encode() + file.body)
        self.digest = whole.hexdigest()[:20]

    def address(self, name: str) -> str:
        """Return the address of a file; KeyError if there is none of that name."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    @property
    def scripts(self) -> list[str]:
        """The addresses of the scripts that run in the shell, beside htmx: all at the top of the folder but other pages' own."""
        top = [name for name in self.files if name.endswith(".js") and "/" not in name]
        return [self.address(name) for name in top if name not in ("launch.js", "frame.js")]
