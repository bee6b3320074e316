"""A sealed log to be meddled with: rows of one practice, sealed in batches, with checkpoints in a folder."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from joserfc.jwk import KeySet
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.audit_writer import AuditEntry, AuditWriter
from shared.db.engine import make_engine
from shared.db.leaves import NO_SEAL, leaf_of, merkle_root, seal_of
from shared.db.sealing import Sealer
from shared.db.verification import Verified
from shared.kernel.clock import SystemClock
from shared.smart.checkpoints import CheckpointFolder, checkpoint_folder
from shared.smart.ehr_tokens import load_key
from shared.smart.log_check import check_logs
from tests.conftest import DatabaseUrls
from tests.fakes.world import tenant_id

TENANT = tenant_id("north")


def entry_of(number: int, **changes: Any) -> AuditEntry:
    """Return a read like many others."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "tenant": "north",
        "actor": f"https://ehr.example/Practitioner/n{number % 3}",
        "client": "ehr",
        "request": f"request-{number}",
        "action": "read",
        "status": 200,
        "interaction": "read",
        "route": "/t/{tenant}/fhir/R4/Consent/{consent_id}",
        "patients": (f"p-{number % 5}",),
        "resources": (f"Consent/{number}",),
    }
    return AuditEntry(**values | changes)


@dataclass
class SealedLog:
    """The log, its sealer, its folder of checkpoints and an administrator who may do everything to the database."""

    database: DatabaseUrls
    worker: AsyncEngine
    writer: AuditWriter
    sealer: Sealer
    folder: CheckpointFolder
    keys: KeySet

    async def add(self, count: int, *, batches: int = 1, sign: bool = True) -> None:
        """Write `count` rows into each of `batches` batches, seal each, and sign a checkpoint at the end."""
        self.sealer.checkpoints = None  # signed when the test says so
        for _ in range(batches):
            await asyncio.gather(*(self.writer.write(entry_of(number)) for number in range(count)))
            await self.sealer.round()
        if sign:
            await self.sign()

    async def sign(self) -> None:
        """Sign a checkpoint now."""
        self.folder.ask(TENANT)
        await self.folder.sign_if_due(self.worker, self.sealer.tenants)

    async def verify(self, *, folder: bool = True) -> Verified:
        """Verify the practice's log, with its checkpoints or by the database alone."""
        (found,) = await check_logs(
            self.worker, service="consent", root=self.folder.root if folder else None, keys=self.keys, only=TENANT
        )
        return found

    def meddle(self, *statements: str) -> None:
        """Change the database as an administrator can."""
        with psycopg.connect(self.database.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the database."""
        with psycopg.connect(self.database.admin, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query).fetchall()

    def seal_anew(self) -> None:
        """Recompute all leaves and seals over the journal as it is, as somebody with the source code would."""
        entries = self.rows("SELECT entry, id FROM journal_sealed ORDER BY entry")
        rows = {row["id"]: row for row in self.rows("SELECT * FROM journal")}
        leaves = [leaf_of(rows[one["id"]]) for one in entries]
        with psycopg.connect(self.database.admin, autocommit=True) as connection:
            changes: Sequence[Any] = [(leaf, one["entry"]) for leaf, one in zip(leaves, entries, strict=True)]
            connection.cursor().executemany("UPDATE journal_sealed SET leaf = %s WHERE entry = %s", changes)
            before = NO_SEAL
            for seal in self.rows("SELECT number, first, last FROM journal_seal ORDER BY number"):
                root = merkle_root(leaves[seal["first"] - 1 : seal["last"]])
                before = seal_of(before, root, first=seal["first"], last=seal["last"])
                connection.execute(
                    "UPDATE journal_seal SET root = %s, seal = %s WHERE number = %s", (root, before, seal["number"])
                )

    @property
    def files(self) -> list[Path]:
        """The checkpoints' files."""
        return sorted(checkpoint_folder(self.folder.root, "consent", TENANT).glob("*.jws"))


def sealed_log(database: DatabaseUrls, folder: Path, key: Path) -> SealedLog:
    """Return a log without entries."""
    worker = make_engine(database.worker, name="test-sealer", size=2)
    checkpoints = CheckpointFolder("consent", folder / "checkpoints", key)
    writer = AuditWriter(make_engine(database.app, name="test-audit", size=2), SystemClock())
    keys = KeySet([load_key(key)])
    return SealedLog(database, worker, writer, Sealer("consent", worker, checkpoints), checkpoints, keys)
