"""What the commands do: settings in, one use case or one process, a plain line out."""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvicorn

import shared.access.main
from services.embedded import deployment, serve
from services.generated_files import differences, write_all
from services.parts import ALL_PARTS, part_named
from shared.ops.clock import DevClock
from shared.ops.collector import spare_collector
from shared.ops.environment import Environment
from shared.ops.settings import PARTS
from shared.smart.client_keys import jwks_of_pem
from shared.smart.ehr_tokens import client_assertion, load_key, make_key

PART_NAMES = PARTS


def run_up(arguments: argparse.Namespace) -> int:
    """Run the embedded default until it is stopped."""
    with deployment(arguments.data, port=arguments.port) as place:
        asyncio.run(serve(place, port=arguments.port))
    return 0


def run_demo(arguments: argparse.Namespace) -> int:
    """Run the embedded default, the sandbox EHR beside it, and the demo's script against both."""
    from services.demo import run

    return run(arguments)


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve one part."""
    app = part_named(arguments.part).app(Environment())
    spare_collector()
    uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False, log_config=None)
    return 0


def run_relay(arguments: argparse.Namespace) -> int:
    """Publish one part's events until stopped."""
    return _run_task(arguments.part, "relay")


def run_consume(arguments: argparse.Namespace) -> int:
    """Take events in for one part until stopped."""
    return _run_task(arguments.part, "consumer")


def run_seal(arguments: argparse.Namespace) -> int:
    """Seal one part's journal until stopped."""
    return _run_task(arguments.part, "sealer")


def _run_task(part: str, name: str) -> int:
    tasks = part_named(part).background_tasks(Environment())
    for other in [task for key, task in tasks.items() if key != name]:
        other.close()
    if name not in tasks:
        print(f"careledger: {part} has no {name}", file=sys.stderr)
        return 1
    asyncio.run(tasks[name])
    return 1


def run_reset(arguments: argparse.Namespace) -> int:
    """Delete the data folder after asking."""
    folder: Path = arguments.data
    if not folder.exists():
        print(f"there is no {folder}")
        return 0
    if not (folder / "lock").exists():
        print(f"careledger: {folder} is no data folder of Careledger; nothing was deleted", file=sys.stderr)
        return 1
    if not arguments.yes and input(f"Delete {folder} with everything in it? Type yes: ") != "yes":
        print("nothing was deleted")
        return 1
    shutil.rmtree(folder)
    print(f"deleted {folder}")
    return 0


def run_db_migrate(_: argparse.Namespace) -> int:
    """Migrate every part's database by the administrator's URL."""
    for part in ALL_PARTS:
        part.migrate(Environment())
        print(f"{part.name}: up to date")
    return 0


def run_db_check(_: argparse.Namespace) -> int:
    """Migrate fresh databases and compare them with the code and the committed catalogues."""
    with tempfile.TemporaryDirectory(prefix="cl") as folder, deployment(Path(folder), port=0) as place:
        found = [line for part in ALL_PARTS for line in part.check(place.environment)]
    print("\n".join(found) or "the schemas are as the code and the catalogues say")
    return 1 if found else 0


def run_refill(arguments: argparse.Namespace) -> int:
    """Mark a part's whole journal as unpublished."""
    print(f"{arguments.part}: {asyncio.run(part_named(arguments.part).refill(Environment()))} events will be published again")
    return 0


def run_retry(arguments: argparse.Namespace) -> int:
    """Take a part's dead letters in again."""
    taken, left = asyncio.run(part_named(arguments.part).retry(Environment()))
    print(f"{arguments.part}: {taken} taken in, {left} stay")
    return 1 if left else 0


def run_keys_init(_: argparse.Namespace) -> int:
    """Make the deployment's key pair for EHRs; access makes its own signing key at its first start."""
    print(f"the key for EHRs is {make_key(Path(Environment().text('EHR_KEY_FILE')))}")
    return 0


def run_keys_rotate(_: argparse.Namespace) -> int:
    """Publish access's next signing key."""
    return _say(shared.access.main.rotate(_access()))


def run_tenant_apply(arguments: argparse.Namespace) -> int:
    """Apply a practice's settings and print the difference."""
    return _say(shared.access.main.apply_tenant_file(_access(), arguments.file))


def run_tenant_check(arguments: argparse.Namespace) -> int:
    """Look at a practice's EHR and at what browsers refused; status 1 if something is to be done."""
    said, well = asyncio.run(shared.access.main.check_tenant(_access(), arguments.tenant))
    print(said)
    return 0 if well else 1


def run_client_add(arguments: argparse.Namespace) -> int:
    """Register a client and print how it signs in."""
    jwks = arguments.jwks.read_text("utf-8") if arguments.jwks else None
    if arguments.public_key:
        jwks = jwks_of_pem(arguments.public_key.read_bytes())
    return _say(
        shared.access.main.add_client(
            _access(),
            client_id=arguments.client_id,
            name=arguments.name,
            tenants=arguments.tenant,
            scope=arguments.scope,
            jwks=jwks,
            jwks_url=arguments.jwks_url,
        )
    )


def run_client_assertion(arguments: argparse.Namespace) -> int:
    """Print a signed client assertion, for a curl at hand: no deployment is asked."""
    algorithm = "RS384" if load_key(arguments.key).key_type == "RSA" else "ES384"
    print(client_assertion(arguments.key, arguments.client_id, arguments.audience, algorithm=algorithm))
    return 0


def run_client_disable(arguments: argparse.Namespace) -> int:
    """Disable a client."""
    return _say(shared.access.main.disable_client(_access(), client_id=arguments.client_id))


def run_client_list(_: argparse.Namespace) -> int:
    """List the clients."""
    return _say(shared.access.main.list_clients(_access()))


def run_dev_clock(arguments: argparse.Namespace) -> int:
    """Set the development clock of the deployment in the data folder."""
    if not arguments.data.exists():
        print(f"careledger: there is no {arguments.data}", file=sys.stderr)
        return 1
    DevClock(arguments.data / "dev-clock").set(arguments.instant)
    print(f"domain time stands still at {arguments.instant.isoformat()}" if arguments.instant else "domain time runs")
    return 0


def run_openapi(arguments: argparse.Namespace) -> int:
    """Write the interface descriptions, or compare them."""
    if not arguments.check:
        write_all()
        return 0
    found = differences()
    print("\n".join(found) or "openapi/ is as the code says")
    return 1 if found else 0


def run_sandbox(arguments: argparse.Namespace) -> int:
    """Hand the words to the sandbox, a program of its own."""
    return subprocess.run([sys.executable, "-m", "deploy.sandbox", *arguments.words], check=False).returncode  # noqa: S603


def _access() -> Any:
    return shared.access.main.read_settings(Environment())


def _say(use_case: Coroutine[Any, Any, str]) -> int:
    print(asyncio.run(use_case))
    return 0
