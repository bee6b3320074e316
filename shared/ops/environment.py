"""Settings come from the environment (or a file that a variable names), once, at start, with a clear message."""

import os
from collections.abc import Mapping
from pathlib import Path


class SettingMissing(Exception):
    """A setting that the process cannot do without is absent or unreadable."""


class Environment:
    """Reads `CARELEDGER_<NAME>`, or the file named by `CARELEDGER_<NAME>_FILE` (for secrets)."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str | None = None) -> str:
        """Return the setting, else `default`; SettingMissing if there is neither."""
        key = f"CARELEDGER_{name}"
        if path := self._variables.get(f"{key}_FILE"):
            try:
                return Path(path).read_text("utf-8").strip()
            except OSError as error:
                raise SettingMissing(f"{key}_FILE names {path}, which cannot be read: {error.strerror}") from error
        value = self._variables.get(key, default)
        if value is None:
            raise SettingMissing(f"set {key} (or {key}_FILE, the path of a file that holds it)")
        return value

    def flag(self, name: str) -> bool:
        """Tell whether the setting is `1`."""
        return self._variables.get(f"CARELEDGER_{name}") == "1"

    def number(self, name: str, default: int) -> int:
        """Return the setting as a whole number; SettingMissing if it is none."""
        text = self.text(name, str(default))
        try:
            return int(text)
        except ValueError as error:
            raise SettingMissing(f"CARELEDGER_{name} must be a whole number, not {text!r}") from error
