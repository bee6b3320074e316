"""`python -m deploy.audit sbom` prints the bill of materials; `python -m deploy.audit check` audits the lock."""

import sys
import tomllib
from pathlib import Path

from deploy.audit.check import audit
from deploy.audit.sbom import bill_of_materials, text_of

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Do what is asked; `check` ends with 0 (clean), 1 (vulnerable) or 2 (cannot audit)."""
    lock = _ROOT / "requirements.txt"
    if sys.argv[1:] == ["sbom"]:
        version = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        print(text_of(bill_of_materials(lock, version=version)), end="")
        return 0
    if sys.argv[1:] == ["check"]:
        verdict, why = audit(lock, ["pip-audit"])
        print(why)
        return verdict
    print("usage: python -m deploy.audit sbom | check", file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main())
