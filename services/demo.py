"""`careledger demo`: the embedded default, a sandbox EHR beside it, and a stranger's script that works a month against both.

What happens between them happens over HTTP: the sandbox and the script (`deploy/`) are programs of their own.
"""

import argparse
import asyncio
import json
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

import shared.access.main
from services.embedded import Deployment, deployment, serve
from shared.kernel.errors import Conflict, Unavailable
from shared.ops.children_process import dying_with_parent
from shared.ops.clock import DevClock
from shared.ops.egress import origin_of
from shared.smart.ehr_tokens import load_key, make_key
from shared.web.routes import fhir_base

TENANT = "millbrook"
_EHR_CLIENT_ID = "careledger"
_CLIENTS = {
    "ehr": ("The practice's EHR", "system/Consent.crus system/Task.crus"),
    "staff": ("Staff at the sandbox clinic", "careledger/timers careledger/roster careledger/attest"),
    "biller": ("The practice's billing system", "system/ChargeItem.rus"),
}
_APP_CLIENT_ID = "careledger-app"
_APP_SCOPES = (
    "launch openid fhirUser online_access patient/Patient.r patient/Condition.rs patient/Coverage.rs"
    " user/Practitioner.r user/PractitionerRole.rs"
)
_PRACTITIONER_ROLE = "http://terminology.hl7.org/CodeSystem/practitioner-role"
_DESK_ROLES = {"biller": "desk", "program-lead": "practitioner", "auditor": "desk"}
_OWNERS = {"desk": ("denials", "revenue", "billed", "speed"), "practitioner": ("enrollment", "consent", "time", "documentation")}
"""Which numbers of the program's page the people of a part care for."""
_READS = ("Patient.r", "Condition.rs", "Coverage.rs", "Encounter.rs", "CarePlan.rs", "EpisodeOfCare.rs")
_PLANS = {"TIDEWATER": "commercial_strict"}
_READY = "sandbox EHR "
_START = "from services.cli import main; main()"


class OtherClinic(Conflict):
    """The data folder holds the demo of another clinic."""

    rule = "demo-clinic"


class SandboxFailed(Unavailable):
    """The sandbox EHR did not start."""

    rule = "demo-sandbox"


def run(arguments: argparse.Namespace) -> int:
    """Run the demo in `arguments.data`; with `once` end after the table, else serve until stopped.

    The status is the script's: 0 only if every number of its table was confirmed by reading back. FolderInUse and OtherClinic
    say what is in the way.
    """
    with deployment(arguments.data, port=arguments.port) as place:
        return asyncio.run(_run(place, arguments))


async def _run(place: Deployment, arguments: argparse.Namespace) -> int:
    folder = place.folder / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    clinic = await _clinic(folder, arguments)
    keys = {name: make_key(folder / f"{name}.pem") for name in _CLIENTS}
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(_sandbox(place, folder, clinic))
        await _register(place, folder, clinic, keys, base)
        ready = asyncio.Event()
        serving = asyncio.create_task(serve(place, port=arguments.port, ready=ready))
        stack.push_async_callback(_end, serving)
        await _first(asyncio.create_task(ready.wait()), serving)
        script = asyncio.create_task(_script(place, folder, clinic))
        status: int = await _first(script, serving)
        if not arguments.once:
            print(_where_to_look(place, keys["biller"], base), flush=True)
            await serving
        return status


async def _clinic(folder: Path, arguments: argparse.Namespace) -> Path:
    """Return the folder with the clinic's files, drawn at the first run; OtherClinic if another was drawn there."""
    wanted = {"month": arguments.month, "patients": arguments.patients, "seed": arguments.seed}
    drawn, clinic = folder / "clinic.json", folder / "clinic"
    if drawn.exists():
        known = json.loads(drawn.read_text("ascii"))
        if known != wanted:
            raise OtherClinic(
                f"{folder} holds the demo of {known}: ask for the same, choose another --data, or `careledger reset`"
            )
        return clinic
    words = [word for name, value in wanted.items() for word in (f"--{name}", str(value))]
    await _output("deploy.sandbox", "generate", "--out", str(clinic), *words)
    drawn.write_text(json.dumps(wanted), "ascii")
    return clinic


async def _output(module: str, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        raise SandboxFailed(f"{module} {words[0]}: {said.decode(errors='replace').strip()}")


def _ehr_key(place: Deployment) -> Path:
    return Path(place.environment.text("EHR_KEY_FILE"))


def _jwks(file: Path) -> dict[str, Any]:
    key = load_key(file)
    return {"keys": [key.as_dict(private=False, kid=str(key.kid), use="sig")]}


@asynccontextmanager
async def _sandbox(place: Deployment, folder: Path, clinic: Path) -> AsyncIterator[str]:
    """Run the sandbox EHR, at which our services and our app are registered, and yield its FHIR base."""
    jwks, url = _jwks(_ehr_key(place)), _public_url(place)
    services = {"client_id": _EHR_CLIENT_ID, "scopes": [f"system/{scope}" for scope in _READS], "jwks": jwks}
    app = {
        "client_id": _APP_CLIENT_ID,
        "scopes": _APP_SCOPES.split(),
        "jwks": jwks,
        "launch_url": f"{url}/launch",
        "redirect_uris": [f"{url}/callback"],
    }
    clients = folder / "sandbox-clients.json"
    clients.write_text(json.dumps({"clients": [services, app]}), "ascii")
    words = ["serve", "--port", str(_port(folder / "sandbox-port")), "--clients", str(clients), "--clinic", str(clinic)]
    words += ["--cds", f"{url}/t/{TENANT}/cds-services"]
    async with _child("deploy.sandbox", words, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            if line.startswith(_READY):
                yield line.removeprefix(_READY).strip()
                return
        raise SandboxFailed("the sandbox EHR ended before it was ready")


def _port(file: Path) -> int:
    """Return the port of the last run if it is free, else another: so addresses last from run to run where they can."""
    wanted = int(file.read_text("ascii")) if file.exists() else 0
    for port in (wanted, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                found: int = listener.getsockname()[1]
        except OSError:
            continue
        file.write_text(str(found), "ascii")
        return found
    raise SandboxFailed("no loopback port is free")


@asynccontextmanager
async def _child(module: str, words: Sequence[str], stdout: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program of ours that ends with us, however we end."""
    command = dying_with_parent([sys.executable, "-m", module, *words], "TERM")
    process = await asyncio.create_subprocess_exec(*command, stdout=stdout, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _register(place: Deployment, folder: Path, clinic: Path, keys: dict[str, Path], ehr_base: str) -> None:
    """Apply the practice's settings and register the three clients; what is there already stays as it is."""
    clock = DevClock(_clock_file(place))
    begin = datetime.fromisoformat(json.loads((clinic / "work.json").read_bytes())[0]["at"]) - timedelta(days=1)
    if not _clock_file(place).exists():
        clock.set(begin)
    settings = shared.access.main.read_settings(place.environment)
    tenant = folder / f"{TENANT}.yaml"
    tenant.write_text(
        yaml.safe_dump(_tenant(json.loads((clinic / "practice.json").read_bytes()), ehr_base, begin.date())), "utf-8"
    )
    await shared.access.main.apply_tenant_file(settings, tenant)
    for name, (title, scope) in _CLIENTS.items():
        await shared.access.main.add_client(
            settings, client_id=name, name=title, tenants=[TENANT], scope=scope, jwks=json.dumps(_jwks(keys[name]))
        )


def _tenant(practice: dict[str, Any], ehr_base: str, since: date) -> dict[str, Any]:
    """Return the practice's settings as `careledger tenant apply` reads them."""
    return {
        "tenant": TENANT,
        "name": practice["name"],
        "npi": practice["npi"],
        "tin": practice["tin"],
        "zone": practice["zone"],
        "effective_from": since,
        "programs": ["ccm", "pcm", "rpm", "tcm"],
        "ehr": {
            "fhir_base": ehr_base,
            "token_url": ehr_base.removesuffix("/fhir/R4") + "/auth/token",
            "client_id": _EHR_CLIENT_ID,
            "app_client_id": _APP_CLIENT_ID,
            "frame_ancestors": [origin_of(ehr_base)],
        },
        "cds_clients": [{"iss": ehr_base, "jwks_url": f"{origin_of(ehr_base)}/cds/jwks"}],
        "roles": [
            {"role": "clinical-staff", "code": f"{_PRACTITIONER_ROLE}|nurse"},
            {"role": "billing-practitioner", "code": f"{_PRACTITIONER_ROLE}|doctor"},
            *({"role": role, "practitioner": _member(practice, part)} for role, part in _DESK_ROLES.items()),
        ],
        "settings": {f"owner_{number}": _member(practice, part) for part, numbers in _OWNERS.items() for number in numbers},
        "plans": {payer["organization"]: _PLANS[payer["id"]] for payer in practice["payers"] if payer["id"] in _PLANS},
    }


def _member(practice: dict[str, Any], part: str) -> str:
    """Return the first person of the practice who has that part in it."""
    found: str = next(person["id"] for person in practice["people"] if person["part"] == part)
    return found


async def _script(place: Deployment, folder: Path, clinic: Path) -> int:
    """Work the month, its progress shown, and return the script's status."""
    words = ["--base", _public_url(place), "--tenant", TENANT, "--keys", str(folder), "--clinic", str(clinic)]
    words += ["--clock", str(_clock_file(place)), "--progress", str(folder / "progress.json")]
    async with _child("deploy.demo", words) as process:
        return await process.wait()


async def _first(wanted: "asyncio.Task[Any]", serving: "asyncio.Task[None]") -> Any:
    """Return what `wanted` returns, unless serving ends before: then its error is ours."""
    try:
        await asyncio.wait((wanted, serving), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        return await wanted
    finally:
        wanted.cancel()


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))


def _clock_file(place: Deployment) -> Path:
    return Path(place.environment.text("DEV_CLOCK"))


def _public_url(place: Deployment) -> str:
    return place.environment.text("PUBLIC_URL").rstrip("/")


def _where_to_look(place: Deployment, key: Path, ehr_base: str) -> str:
    """Return addresses, the ready client, and one command that gets a token and pulls the first charge."""
    base, url = fhir_base(_public_url(place), TENANT), f"{_public_url(place)}/t/{TENANT}/auth/token"
    beside = Path(sys.executable).with_name("careledger")
    program = shlex.quote(_short(beside)) if beside.exists() else f"{shlex.quote(sys.executable)} -c '{_START}'"
    assertion = f"{program} client assertion biller --key {shlex.quote(_short(key))} --audience {url}"
    token = (
        f"curl -sS {url} -d grant_type=client_credentials -d scope=system/ChargeItem.rs"
        " -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        f' -d client_assertion="$({assertion})"'
        """ | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/'"""
    )
    lines = (
        "Where to look",
        f"  FHIR base      {base}   ({base}/metadata)",
        f"  the app        open {origin_of(ehr_base)}/ , choose who works and a chart: Careledger opens in its frame",
        f"  EHR (sandbox)  {ehr_base}",
        f"  ready client   biller, key {_short(key)}, scope {_CLIENTS['biller'][1]}",
        "  first charge   (a token by the client's key, then the pull; paste it while this runs)",
        f"""curl -sS -H "Authorization: Bearer $({token})" '{base}/ChargeItem?status=billable&_count=1'""",
        "Domain time stands still where the month's script left it (`careledger dev clock off` lets it run). Ctrl-C ends.",
    )
    return "\n".join(lines)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
