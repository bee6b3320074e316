"""Signed checkpoints of the sealed log, in a folder kept outside the database: `<service>/<tenant>/<number>.jws`.

A file is a compact JWS by the deployment's own key: `/.well-known/ehr-client-jwks.json` has its public half.
It is written once, under its final name at once, and never changed, so that a store with object lock can hold the folder.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.checkpoints import LEAF_BYTES, Checkpoint, checkpoint_text, parse_checkpoint
from shared.db.transaction import driver_of, worker_transaction
from shared.ops.metrics import CHECKPOINT_SIGNED
from shared.smart.ehr_tokens import load_key

_EVERY = timedelta(minutes=55)
"""With the sealer's second and this, every entry is covered within the hour that the guarantee says."""
_MOST = 500_000
"""Entries of one checkpoint: a log that was there before its seals gets several at once."""
_LOOK_EVERY = timedelta(seconds=5)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TYPE = "careledger-checkpoint"
_ALGORITHMS = ["RS384", "ES384"]
_log = logging.getLogger(__name__)

_HEADS = """
    SELECT wanted.tenant_id, head.* FROM unnest($1::uuid[]) AS wanted (tenant_id) CROSS JOIN LATERAL (
        SELECT number, last, seal, sealed_at FROM journal_seal s WHERE s.tenant_id = wanted.tenant_id
         ORDER BY number DESC LIMIT 1) head
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(825675)"
_WAIT_FOR_LOCK = "SELECT pg_advisory_xact_lock(825675) IS NOT NULL"
_CLOSED = "SELECT split_part(id, '/', 1) AS tenant, sum(version) AS closes FROM registry WHERE kind = 'month' GROUP BY 1"
_KNOWN = "SELECT EXISTS (SELECT FROM journal_seal WHERE tenant_id = $1 AND number = $2 AND last = $3 AND seal = $4)"
_LEAVES = "SELECT substr(leaf, 1, $4) FROM journal_sealed WHERE tenant_id = $1 AND entry BETWEEN $2 AND $3 ORDER BY entry"
_UP_TO = "SELECT number, last, seal FROM journal_seal WHERE tenant_id = $1 AND last <= $2 ORDER BY number DESC LIMIT 1"
_NOTE = """INSERT INTO journal_checkpoint (tenant_id, number, entries, seal, signed_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING"""


@dataclass(frozen=True)
class BrokenFile:
    """A file that is no checkpoint of this deployment, or does not continue the one before."""

    name: str
    why: str


def checkpoint_folder(root: Path, service: str, tenant_id: UUID) -> Path:
    """Return where a tenant's checkpoints of a service are."""
    return root / service / str(tenant_id)


def read_checkpoints(folder: Path, keys: KeySet) -> Iterator[tuple[Checkpoint, str] | BrokenFile]:
    """Yield the checkpoints in `folder` in order, each with the SHA-256 of its file, and what is wrong with others."""
    before, number, last = "", 0, 0
    for file in sorted(folder.glob("*.jws")):
        body = file.read_bytes()
        digest = sha256(body).hexdigest()
        try:
            found = parse_checkpoint(jws.deserialize_compact(body, keys, algorithms=_ALGORITHMS).payload)
        except (JoseError, ValueError) as error:
            yield BrokenFile(str(file), f"its signature or form is wrong ({type(error).__name__})")
            before, number = digest, number + 1
            continue
        if file.stem != _stem(found.number) or folder != checkpoint_folder(folder.parents[1], found.service, found.tenant_id):
            yield BrokenFile(str(file), "it was signed as another checkpoint")
        elif found.number != number + 1 or found.before != before or (last and found.first != last + 1):
            yield BrokenFile(str(file), "the checkpoint before it is missing or was replaced")
        yield found, digest
        before, number, last = digest, found.number, found.last


def _stem(number: int) -> str:
    return f"{number:010d}"


def sign_checkpoint(folder: Path, checkpoint: Checkpoint, key_file: Path) -> str:
    """Write a new checkpoint's file, whole or not at all; return its SHA-256. FileExistsError if there is one of its number."""
    key = load_key(key_file)
    algorithm = "RS384" if key.key_type == "RSA" else "ES384"
    header = {"alg": algorithm, "kid": str(key.kid), "typ": _TYPE}
    body = jws.serialize_compact(header, checkpoint_text(checkpoint), key, algorithms=_ALGORITHMS).encode()
    folder.mkdir(parents=True, exist_ok=True)
    final, draft = folder / f"{_stem(checkpoint.number)}.jws", folder / f".{_stem(checkpoint.number)}.{os.getpid()}"
    if final.exists():
        raise FileExistsError(final)
    with draft.open("wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    draft.replace(final)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return sha256(body).hexdigest()


@dataclass
class _Newest:
    """The newest checkpoint of a tenant, as its folder has it; number 0: there is none yet."""

    number: int = 0
    last: int = 0
    seal_number: int = 0
    seal: bytes = b""
    digest: str = ""
    signed_at: datetime = _LONG_AGO


@dataclass
class CheckpointFolder:
    """Signs the checkpoints of `service`: at the first seal, then hourly while entries come, and when a month was closed.

    Where another process is at it, it leaves the work to that one, unless it `waits`.
    """

    service: str
    root: Path
    key_file: Path
    waits: bool = False
    _newest: dict[UUID, _Newest] = field(default_factory=dict)
    _closes: dict[UUID, int] | None = None
    _asked: set[UUID] = field(default_factory=set)
    _looked_at: datetime = _LONG_AGO

    def ask(self, tenant_id: UUID) -> None:
        """Have the tenant's next checkpoint signed at once."""
        self._asked.add(tenant_id)
        self._looked_at = _LONG_AGO

    async def sign_if_due(self, engine: AsyncEngine, tenants: Callable[[], Awaitable[Sequence[UUID]]]) -> None:
        """Write the checkpoints that are due, looking every few seconds; `tenants` tells whose logs there are."""
        now = datetime.now(UTC)
        if now - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = now
        known = await tenants()
        for tenant_id in known:
            if tenant_id not in self._newest:
                self._newest[tenant_id] = await asyncio.to_thread(self._read_newest, tenant_id)
        async with worker_transaction(engine) as connection:
            driver = await driver_of(connection)
            if not await driver.fetchval(_WAIT_FOR_LOCK if self.waits else _LOCK):
                return
            self._note_closes({UUID(row["tenant"]): int(row["closes"]) for row in await driver.fetch(_CLOSED)})
            for head in await driver.fetch(_HEADS, list(known)):
                await self._sign(driver, head, now)

    def _note_closes(self, closes: dict[UUID, int]) -> None:
        if self._closes is not None:
            self._asked |= {tenant_id for tenant_id, count in closes.items() if count != self._closes.get(tenant_id)}
        self._closes = closes

    async def _sign(self, driver: Any, head: Any, now: datetime) -> None:
        tenant_id: UUID = head["tenant_id"]
        if not self._is_due(tenant_id, head["last"], now):
            return
        # another process may have signed meanwhile
        newest = self._newest[tenant_id] = await asyncio.to_thread(self._read_newest, tenant_id)
        if not self._is_due(tenant_id, head["last"], now):
            return
        if newest.number and not await driver.fetchval(_KNOWN, tenant_id, newest.seal_number, newest.last, newest.seal):
            fields = {"service": self.service, "tenant": str(tenant_id)}
            _log.error("the sealed log does not continue its last checkpoint: run `careledger audit verify`", extra=fields)
            return
        end = await driver.fetchrow(_UP_TO, tenant_id, newest.last + _MOST)
        leaves = b"".join(row[0] for row in await driver.fetch(_LEAVES, tenant_id, newest.last + 1, end["last"], LEAF_BYTES))
        checkpoint = Checkpoint(
            service=self.service,
            tenant_id=tenant_id,
            number=newest.number + 1,
            first=newest.last + 1,
            last=end["last"],
            seal_number=end["number"],
            seal=end["seal"],
            leaves=leaves,
            before=newest.digest,
            signed_at=now,
        )
        folder = checkpoint_folder(self.root, self.service, tenant_id)
        digest = await asyncio.to_thread(sign_checkpoint, folder, checkpoint, self.key_file)
        await driver.execute(_NOTE, tenant_id, checkpoint.number, checkpoint.last, checkpoint.seal, now)
        self._newest[tenant_id] = _as_newest(checkpoint, digest)
        if end["last"] == head["last"]:
            self._asked.discard(tenant_id)
        else:
            self.ask(tenant_id)
        CHECKPOINT_SIGNED.labels(self.service).set_to_current_time()

    def _is_due(self, tenant_id: UUID, sealed: int, now: datetime) -> bool:
        newest = self._newest[tenant_id]
        if sealed <= newest.last:
            self._asked.discard(tenant_id)
            return False
        return tenant_id in self._asked or now - newest.signed_at >= _EVERY

    def _read_newest(self, tenant_id: UUID) -> _Newest:
        """Read what the newest file says; whether it is rightly signed `careledger audit verify` asks."""
        folder = checkpoint_folder(self.root, self.service, tenant_id)
        files = sorted(folder.glob("*.jws"))
        if not files:
            return _Newest()
        body = files[-1].read_bytes()
        return _as_newest(parse_checkpoint(jws.extract_compact(body).payload), sha256(body).hexdigest())


def _as_newest(checkpoint: Checkpoint, digest: str) -> _Newest:
    return _Newest(checkpoint.number, checkpoint.last, checkpoint.seal_number, checkpoint.seal, digest, checkpoint.signed_at)
