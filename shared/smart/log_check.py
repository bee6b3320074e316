"""The logs of one service against their checkpoints: what `careledger audit verify` asks."""

import json
from pathlib import Path
from uuid import UUID

from joserfc.jwk import KeySet
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.checkpoints import Checkpoint
from shared.db.transaction import driver_of, worker_transaction
from shared.db.verification import Fault, Verified, tenants_of, verify_log
from shared.smart.checkpoints import BrokenFile, checkpoint_folder, read_checkpoints
from shared.smart.ehr_tokens import load_key

# one snapshot of the whole database, however long it takes to walk it
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0"


def verifying_keys(jwks: Path | None, key_file: Path) -> KeySet:
    """Return the keys of the checkpoints: those of a JWKS file, or the deployment's own; ValueError if unreadable."""
    return KeySet.import_key_set(json.loads(jwks.read_bytes())) if jwks is not None else KeySet([load_key(key_file)])


async def check_logs(
    engine: AsyncEngine, *, service: str, root: Path | None, keys: KeySet, only: UUID | None = None
) -> list[Verified]:
    """Verify every tenant's log in a service's database, or that of `only`; `root` is the folder of the checkpoints.

    The engine is the worker role's. A log of which the folder knows and the database does not is a log cut off whole.
    """
    async with worker_transaction(engine) as connection:
        driver = await driver_of(connection)
        await driver.execute(_SNAPSHOT)
        tenants = await tenants_of(driver)
        if root is not None and (root / service).is_dir():
            tenants |= {UUID(folder.name) for folder in (root / service).iterdir() if folder.is_dir()}
        found = []
        for tenant_id in sorted(tenants if only is None else tenants & {only}):
            checkpoints, broken = _read(root, service, tenant_id, keys)
            verified = await verify_log(driver, tenant_id, checkpoints)
            verified.faults[:0] = broken
            found.append(verified)
    return found


def _read(root: Path | None, service: str, tenant_id: UUID, keys: KeySet) -> tuple[list[Checkpoint], list[Fault]]:
    checkpoints: list[Checkpoint] = []
    broken: list[Fault] = []
    if root is not None:
        for found in read_checkpoints(checkpoint_folder(root, service, tenant_id), keys):
            if isinstance(found, BrokenFile):
                broken.append(Fault("checkpoint", f"{found.name}: {found.why}"))
            else:
                checkpoints.append(found[0])
    return checkpoints, broken
