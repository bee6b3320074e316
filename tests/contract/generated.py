"""Clients that openapi-python-client makes of `openapi/`, and a month walked with nothing else."""

import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from shared.smart.ehr_tokens import client_assertion
from tests.security.place import PARTS

OPENAPI = Path(__file__).parents[2] / "openapi"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@contextmanager
def generated_clients(folder: Path) -> Iterator["Clients"]:
    """Make a package of each part's description in `folder`, to be imported until the block ends."""
    settings = folder / "settings.yaml"
    settings.write_text("post_hooks: []\n")
    for part in PARTS:
        done = subprocess.run(
            [
                sys.executable, "-m", "openapi_python_client", "generate", "--path", str(OPENAPI / f"{part}.json"),
                "--config", str(settings), "--meta", "none", "--output-path", str(folder / f"generated_{part}"),
                "--fail-on-warning",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        yield Clients()
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith("generated_")]:
            del sys.modules[name]


class Clients:
    """The generated packages."""

    def module(self, part: str, *steps: str) -> ModuleType:
        """Return a module of a part's package."""
        return importlib.import_module(".".join((f"generated_{part}", *steps)))

    def model(self, part: str, name: str, body: Mapping[str, Any]) -> Any:
        """Return a generated model, made of `body`."""
        return getattr(self.module(part, "models"), name).from_dict(dict(body))


@dataclass(frozen=True)
class Caller:
    """One registered client at one practice, by generated code only."""

    clients: Clients
    base_url: str
    tenant: str
    client_id: str
    key: Path
    scope: str

    def token(self) -> str:
        """Return an access token."""
        url = f"{self.base_url}/t/{self.tenant}/auth/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": client_assertion(self.key, self.client_id, url),
            "scope": self.scope,
        }
        module = self.clients.module("access", "api", "authorization", "issue_access_token")
        body = self.clients.model("access", "IssueAccessTokenBody", form)
        with self.clients.module("access", "client").Client(base_url=self.base_url) as client:
            return str(module.sync_detailed(self.tenant, client=client, body=body).parsed.access_token)

    def call(self, part: str, tag: str, operation: str, *path: str, expect: tuple[int, ...] = (200,), **options: Any) -> Any:
        """Call an operation; return what the generated code made of the answer. AssertionError for another status."""
        module = self.clients.module(part, "api", tag, operation)
        package = self.clients.module(part, "client")
        with package.AuthenticatedClient(base_url=self.base_url, token=self.token(), timeout=60) as client:
            answer = module.sync_detailed(self.tenant, *path, client=client, **options)
        assert answer.status_code in expect, f"{operation}: {answer.status_code} {answer.content[:600]!r}"
        return answer.parsed
