"""`careledger …`: thin; each command calls one use case or starts one process."""

import argparse
import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from services import audit_commands, billing_commands, commands, rules_commands
from services.embedded import running_environment
from shared.kernel.errors import CareledgerError
from shared.ops.environment import SettingMissing
from shared.ops.logs import set_up_logs

_FOLDER = Path(".data")
_ADMINISTRATION = frozenset(("audit", "charges", "client", "events", "feed", "months", "remits", "tenant"))
"""Commands about a deployment that runs: if the environment names none, the embedded one in the data folder is meant."""


def main() -> None:
    """Run the command line; a refusal or a missing setting is one plain line and status 1."""
    arguments = _parser().parse_args()
    if arguments.group in _ADMINISTRATION:
        os.environ.update(running_environment(Path(os.environ.get("CARELEDGER_DATA", _FOLDER))))
    set_up_logs("WARNING" if getattr(arguments, "quiet", False) else "INFO")
    try:
        sys.exit(arguments.run(arguments) or 0)
    except (CareledgerError, SettingMissing) as refused:
        print(f"careledger: {refused}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(128 + signal.SIGINT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="careledger", description="Chronic Care Management inside the EHR.")
    groups = parser.add_subparsers(required=True, metavar="COMMAND", dest="group")
    _running(groups)
    _administration(groups)
    _development(groups)
    return parser


def _command(groups: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str) -> argparse.ArgumentParser:
    return groups.add_parser(name, help=text, description=text)


def _folder(parser: argparse.ArgumentParser) -> None:
    default = Path(os.environ.get("CARELEDGER_DATA", _FOLDER))
    parser.add_argument("--data", type=Path, default=default, metavar="FOLDER", help="the data folder (default: %(default)s)")


def _running(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = _command(groups, "up", "run everything in one process, on private PostgreSQL and NATS")
    _folder(up)
    up.add_argument("--port", type=int, default=8080)
    up.set_defaults(run=commands.run_up)

    demo = _command(groups, "demo", "work a synthetic clinic's month from consent to charges, then serve it")
    _folder(demo)
    demo.add_argument("--port", type=int, default=8080)
    demo.add_argument("--once", action="store_true", help="end after the table; status 0 only if every number was read back")
    demo.add_argument("--month", default="2026-10", metavar="YYYY-MM")
    demo.add_argument("--patients", type=int, default=90)
    demo.add_argument("--seed", type=int, default=2026)
    demo.set_defaults(run=commands.run_demo, quiet=True)

    for name, text in (
        ("serve", "serve one part"),
        ("relay", "publish one part's events"),
        ("consume", "take events in for one part"),
        ("seal", "seal one part's journal and sign its checkpoints"),
    ):
        single = _command(groups, name, text)
        single.add_argument("part", choices=commands.PART_NAMES)
        if name == "serve":
            single.add_argument("--host", default="127.0.0.1")
            single.add_argument("--port", type=int, required=True)
        single.set_defaults(run=getattr(commands, f"run_{name}"))

    reset = _command(groups, "reset", "delete the data folder, after asking")
    _folder(reset)
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.set_defaults(run=commands.run_reset)


def _administration(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    database = _command(groups, "db", "the databases").add_subparsers(required=True)
    _command(database, "migrate", "bring every part's schema to the newest revision").set_defaults(run=commands.run_db_migrate)
    _command(database, "check", "compare fresh schemas with the code and the committed catalogues").set_defaults(
        run=commands.run_db_check
    )

    events = _command(groups, "events", "the events").add_subparsers(required=True)
    refill = _command(events, "refill", "publish a part's whole journal again")
    refill.add_argument("part", choices=commands.PART_NAMES)
    refill.set_defaults(run=commands.run_refill)
    retry = _command(events, "retry", "take a part's dead letters in again")
    retry.add_argument("part", choices=commands.PART_NAMES)
    retry.set_defaults(run=commands.run_retry)

    keys = _command(groups, "keys", "the deployment's keys").add_subparsers(required=True)
    _command(keys, "init", "make the key pair for EHRs, if there is none").set_defaults(run=commands.run_keys_init)
    _command(keys, "rotate", "publish the next signing key; it signs from a day later on").set_defaults(
        run=commands.run_keys_rotate
    )

    tenant = _command(groups, "tenant", "the practices").add_subparsers(required=True)
    apply = _command(tenant, "apply", "apply a practice's settings (YAML) and show what changes")
    apply.add_argument("file", type=Path)
    apply.set_defaults(run=commands.run_tenant_apply)
    check = _command(tenant, "check", "look at a practice's EHR, and list the pages that may not frame the app and tried")
    check.add_argument("tenant", metavar="SLUG")
    check.set_defaults(run=commands.run_tenant_check)

    client = _command(groups, "client", "the API's clients").add_subparsers(required=True)
    add = _command(client, "add", "register a client and print how it signs in")
    add.add_argument("client_id")
    add.add_argument("--name", required=True)
    add.add_argument("--tenant", action="append", required=True, metavar="SLUG")
    add.add_argument("--scope", required=True, help="space-separated, e.g. 'system/ChargeItem.rus'")
    public = add.add_mutually_exclusive_group(required=True)
    public.add_argument("--public-key", type=Path, metavar="PEM", help="a file with the client's one public key")
    public.add_argument("--jwks", type=Path, help="a file with the client's public keys")
    public.add_argument("--jwks-url", help="where the client publishes them")
    add.set_defaults(run=commands.run_client_add)
    assertion = _command(client, "assertion", "print what proves a client to the token endpoint, good for four minutes")
    assertion.add_argument("client_id")
    assertion.add_argument("--key", type=Path, required=True, help="the client's private key (PEM)")
    assertion.add_argument("--audience", required=True, metavar="URL", help="the token endpoint")
    assertion.set_defaults(run=commands.run_client_assertion)
    disable = _command(client, "disable", "stop serving a client, within 30 s everywhere")
    disable.add_argument("client_id")
    disable.set_defaults(run=commands.run_client_disable)
    _command(client, "list", "list the clients").set_defaults(run=commands.run_client_list)


def _development(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dev = _command(groups, "dev", "development only").add_subparsers(required=True)
    clock = _command(dev, "clock", "let domain time stand still at an instant; 'off' lets it run again")
    clock.add_argument("instant", type=_instant, metavar="INSTANT", help="ISO 8601 with zone, or 'off'")
    _folder(clock)
    clock.set_defaults(run=commands.run_dev_clock)

    openapi = _command(groups, "openapi", "write openapi/ anew")
    openapi.add_argument("--check", action="store_true", help="only compare; status 1 if something differs")
    openapi.set_defaults(run=commands.run_openapi)

    rules_commands.add_commands(groups)
    audit_commands.add_commands(groups)
    billing_commands.add_commands(groups)

    sandbox = _command(groups, "sandbox", "the sandbox EHR and its synthetic clinic")
    sandbox.add_argument("words", nargs=argparse.REMAINDER, help="see: careledger sandbox --help")
    sandbox.set_defaults(run=commands.run_sandbox)


def _instant(text: str) -> datetime | None:
    if text == "off":
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs a zone, e.g. 2026-10-01T09:00:00-04:00")
    return at
