"""The sandbox's commands: `serve` the EHR, `generate` a clinic's files, `load` other people's Bundles."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvicorn
import yaml

from deploy.sandbox.clients import Client
from deploy.sandbox.clinic import generate, write_clinic
from deploy.sandbox.clinic.record import bundle
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.load import LoadReport, load_bundles, prepare
from deploy.sandbox.smart import Settings
from deploy.sandbox.store import Store, encode


class _ClientsFile(msgspec.Struct):
    """The file of `serve --clients`: YAML or JSON with `clients:`, a list of Client."""

    clients: tuple[Client, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; what was asked wrongly is said on stderr with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (ValueError, OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description="A SMART EHR with a synthetic clinic")
    commands = parser.add_subparsers(required=True)

    serve = commands.add_parser(
        "serve", help="serve the EHR until it is stopped; by default on loopback, with the clinic of --seed"
    )
    serve.add_argument("--host", default="127.0.0.1", help="another address only where a container's network keeps strangers out")
    serve.add_argument("--port", type=int, default=0, help="0 takes a free one")
    serve.add_argument("--public-url", help="how others reach it; default http://HOST:PORT")
    serve.add_argument("--clients", type=Path, help="YAML or JSON file of registered clients: backends and apps")
    serve.add_argument("--user-token-seconds", type=int, default=3600, help="how long an access token of a launch lives")
    serve.add_argument("--cds", help="base of the CDS services that an opened chart asks: https://…/cds-services")
    serve.add_argument("--faults", action="store_true", help="open /control, by which tests ask for errors and delays")
    source = serve.add_mutually_exclusive_group()
    source.add_argument("--clinic", type=Path, help="folder that generate or load wrote")
    source.add_argument("--bundles", type=Path, help="folder of transaction Bundles, loaded as `load` does")
    source.add_argument("--seed", type=int, default=2026, help="generate the clinic of this seed (with --month and --patients)")
    _month(serve, None)
    serve.add_argument("--patients", type=int, default=90)
    serve.set_defaults(run=_serve)

    make = commands.add_parser("generate", help="write a clinic's files and print their hash")
    make.add_argument("--seed", type=int, default=2026)
    make.add_argument("--patients", type=int, default=90)
    make.add_argument("--out", type=Path, required=True)
    _month(make, "2026-10")
    make.set_defaults(run=_generate)

    load = commands.add_parser("load", help="read transaction Bundles, say what is added, and write them for serve --clinic")
    load.add_argument("folder", type=Path)
    load.add_argument("--out", type=Path, help="folder to write to; without it only the report is printed")
    _month(load, None)
    load.set_defaults(run=_load)
    return parser


def _month(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--month", default=default, help="YYYY-MM")


def _generate(options: argparse.Namespace) -> int:
    print(write_clinic(generate(options.seed, options.month, options.patients), options.out))
    return 0


def _load(options: argparse.Namespace) -> int:
    report = LoadReport()
    resources = {(one["resourceType"], one["id"]): one for one in prepare(_existing(options.folder), report, options.month)}
    if options.out is not None:
        (options.out / "fhir").mkdir(parents=True, exist_ok=True)
        (options.out / "fhir" / "loaded.json").write_bytes(encode(bundle(resources.values())))
    print("\n".join(report.lines()))
    return 0


def _serve(options: argparse.Namespace) -> int:
    clients = _clients(options.clients)
    store = Store()
    if options.clinic is not None:
        print("\n".join(load_bundles(_existing(options.clinic / "fhir"), store).lines()))
    elif options.bundles is not None:
        print("\n".join(load_bundles(_existing(options.bundles), store, options.month).lines()))
    else:
        for content in generate(options.seed, options.month or "2026-10", options.patients).bundles.values():
            for entry in content["entry"]:
                store.put(entry["resource"]["resourceType"], entry["resource"]["id"], entry["resource"])
    with socket.create_server((options.host, options.port)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each answer's body waits for an acknowledgement
        address = f"http://{options.host}:{listener.getsockname()[1]}"
        url = (options.public_url or address).rstrip("/")
        settings = Settings(url, clients, options.user_token_seconds, options.cds and options.cds.rstrip("/"))
        print(f"sandbox EHR {settings.fhir_base}", flush=True)
        config = uvicorn.Config(create_ehr(store, settings, faults=options.faults), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _clients(path: Path | None) -> tuple[Client, ...]:
    if path is None:
        return ()
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    clients = msgspec.convert(content, _ClientsFile).clients
    for client in clients:
        if client.launch_url and not client.redirect_uris:
            raise ValueError(f"{client.client_id} has a launch_url and no redirect_uris")
    return clients


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    return folder
