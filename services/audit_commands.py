"""What the `seal` and `audit` commands do: seal a part's journal, verify the sealed logs, export them, sign checkpoints now."""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from services.parts import part_named
from shared.contracts.tenant import TenantState
from shared.db.audit_reading import AuditLog, Wanted
from shared.db.audit_writer import AuditEntry, AuditWriter
from shared.db.engine import make_engine
from shared.db.journal import NOBODY, NOBODYS_TENANT
from shared.db.transaction import tenant_transaction
from shared.db.verification import Verified
from shared.fhir.audit_event import AuditPlace, audit_events
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Invalid, NotFound
from shared.ops.environment import Environment
from shared.ops.settings import PARTS, PartSettings
from shared.smart.log_check import check_logs, verifying_keys
from shared.smart.part import seal_now
from shared.smart.registry import Registry
from shared.web.routes import fhir_base


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify the parts' logs and print what is wrong; status 1 if anything is."""
    wrong = 0
    for name in arguments.part or PARTS:
        for found, tenant in asyncio.run(_verify(_settings(name), arguments)):
            wrong += len(found.faults)
            print(_line(name, tenant, found))
            for fault in found.faults:
                print(f"  {fault.kind}: {fault.text}")
    return 1 if wrong else 0


async def _verify(settings: PartSettings, arguments: argparse.Namespace) -> list[tuple[Verified, str]]:
    folder: Path | None = arguments.checkpoints or settings.checkpoints
    try:
        keys = verifying_keys(arguments.jwks, settings.ehr_key_file)
    except (OSError, ValueError) as error:
        raise Invalid(f"the public keys cannot be read: {error}") from error
    engine = make_engine(settings.worker_database_url, name="careledger-audit", size=2)
    registry = Registry(engine, part_named(settings.service).tables, service=settings.service)
    try:
        only = await _tenant(registry, arguments.tenant) if arguments.tenant else None
        wanted = UUID(only.tenant_id) if only else None
        found = await check_logs(engine, service=settings.service, root=folder, keys=keys, only=wanted)
        return [(one, await _slug(registry, one.tenant_id)) for one in found]
    finally:
        await engine.dispose()


async def _slug(registry: Registry, tenant_id: UUID) -> str:
    if tenant_id == NOBODYS_TENANT:
        return NOBODY
    state = await registry.tenant_by_id(tenant_id)
    return state.document.tenant if state is not None else str(tenant_id)


async def _tenant(registry: Registry, slug: str) -> TenantState:
    state = await registry.tenant(slug)
    if state is None:
        raise NotFound(f"there is no tenant {slug}")
    return state


def _line(part: str, tenant: str, found: Verified) -> str:
    verdict = f"{len(found.faults)} faults" if found.faults else "whole"
    covered = f"{found.covered} of them under checkpoints"
    return f"{part} {tenant}: {verdict}; {found.entries} entries sealed, {covered}, {found.waiting} wait for the sealer"


def run_checkpoint(arguments: argparse.Namespace) -> int:
    """Seal what waits and sign a checkpoint of each log now."""
    for name in arguments.part or PARTS:
        sealed = asyncio.run(seal_now(_settings(name)))
        print(f"{name}: {sealed} entries sealed, checkpoints signed")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """Print the rows of a practice's days as AuditEvents, one JSON a line; the export is itself in the journal."""
    for name in arguments.part or PARTS:
        asyncio.run(_export(_settings(name), arguments, sys.stdout.write))
    return 0


async def _export(settings: PartSettings, arguments: argparse.Namespace, write: Callable[[str], Any]) -> None:
    engine = make_engine(settings.database_url, name="careledger-audit", size=2)
    tables = part_named(settings.service).tables
    writer = AuditWriter(engine, SystemClock())
    try:
        state = await _tenant(Registry(engine, tables, service=settings.service), arguments.tenant)
        tenant_id, slug = UUID(state.tenant_id), state.document.tenant
        await writer.write(_entry_of(tenant_id, slug, arguments))
        wanted = Wanted(_start(arguments.since), _start(arguments.until + timedelta(days=1)), patient=arguments.patient)
        base = fhir_base(settings.public_url, slug)
        place = AuditPlace(settings.service, slug, base, state.document.ehr.fhir_base)
        async with tenant_transaction(engine, tenant_id) as connection:
            async for row in AuditLog(connection, tables, tenant_id).each(wanted):
                for event in audit_events(row, place):
                    write(json.dumps(event, ensure_ascii=False) + "\n")
    finally:
        await writer.close()


def _entry_of(tenant_id: UUID, slug: str, arguments: argparse.Namespace) -> AuditEntry:
    return AuditEntry(
        tenant_id=tenant_id,
        tenant=slug,
        actor=f"operator:{getpass.getuser()}",
        client="careledger-administration",
        request=str(uuid4()),
        action="read",
        status=200,
        interaction="operation",
        route="careledger audit export",
        patients=(arguments.patient,) if arguments.patient else (),
        query=f"from={arguments.since}&to={arguments.until}",
    )


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _settings(part: str) -> PartSettings:
    settings: PartSettings = part_named(part).read_settings(Environment())
    return settings


def add_commands(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the command line."""
    audit = groups.add_parser("audit", help="the journal of every request", description="the journal of every request")
    commands = audit.add_subparsers(required=True)

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=text, description=text)
        parser.add_argument("--part", action="append", choices=PARTS, help="this part only (default: all four)")
        parser.set_defaults(run=run, quiet=True)
        return parser

    verify = command("verify", "find what was changed in a sealed log; status 1 if anything was", run_verify)
    verify.add_argument("--tenant", metavar="SLUG", help="this practice only")
    verify.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="(default: CARELEDGER_CHECKPOINTS)")
    verify.add_argument("--jwks", type=Path, metavar="FILE", help="the checkpoints' public keys (default: the deployment's own)")
    export = command("export", "print a practice's requests as IHE BALP AuditEvents, one JSON a line", run_export)
    export.add_argument("--tenant", metavar="SLUG", required=True)
    export.add_argument("--from", dest="since", type=date.fromisoformat, metavar="DAY", required=True, help="UTC, inclusive")
    export.add_argument("--to", dest="until", type=date.fromisoformat, metavar="DAY", required=True, help="UTC, inclusive")
    export.add_argument("--patient", metavar="ID", help="the EHR's id: this patient's requests only")
    command("checkpoint", "seal what waits and sign a checkpoint of each log now", run_checkpoint)
