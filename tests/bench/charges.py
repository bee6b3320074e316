"""A billing system's two calls ÷ the same rows by pgbench: pull 100 charges, and acknowledge 500 with all that this writes."""

import http.client
import itertools
import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from services.billing.domain.charge import ChargeItem, CoverageLine, Identifier
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.findings import PlannedCharge
from tests.bench.place import TENANT, Place, pgbench_tps, place_of, served
from tests.bench.report import Measure
from tests.fakes.world import tenant_id

ROUNDS, SECONDS = 5, 3
BLOCKS, ITEMS, PULLED = 10, 500, 100
_OURS, _THEIRS = 0, 1_000_000
"""First numbers of the charges that are acknowledged over HTTP, and of those that pgbench changes."""
_ROLE = "billing_app"
_AT = datetime(2026, 11, 3, 15, tzinfo=UTC)
_TENANT = f"'{tenant_id(TENANT)}'"
_Request = tuple[str, str, bytes | None, dict[str, str]]
_HEAD = f"BEGIN;\nSET LOCAL app.tenant = {_TENANT};\n"


def measure() -> Iterator[Measure]:
    """Yield both ratios, each with one client: a billing system works through its queue alone."""
    with place_of("billing") as place:
        _fill(place)
        with served(place, "billing") as (server,):
            path = f"/t/{TENANT}/fhir/R4/ChargeItem?status=billable&_count={PULLED}"
            pull = itertools.repeat(("GET", path, None, _headers(place, "system/ChargeItem.s")))
            _check_pulled(place, server.port, path)
            yield _ratio("pull 100 charges", place, server.port, pull, _script(place, "pull", _SELECT))
            script = _script(place, "acknowledge", _ACKNOWLEDGE)
            yield _ratio("acknowledge 500 charges", place, server.port, _acknowledgements(place), script)


def _ratio(name: str, place: Place, port: int, requests: Iterator[_Request], script: Path) -> Measure:
    ratios, latencies = [], []
    for _ in range(ROUNDS):
        base = pgbench_tps(place, script, clients=1, seconds=SECONDS, role=_ROLE)
        took = _latencies(port, requests)
        ratios.append(len(took) / sum(took) / base)
        latencies += took
    ordered = sorted(latencies)
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return Measure(f"{name} ÷ pgbench", ratios, note=f"{1000 / p50:.1f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def _latencies(port: int, requests: Iterator[_Request]) -> list[float]:
    """Ask one after the other for a while over one connection; return the seconds of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    ends, took = time.perf_counter() + SECONDS, []
    while (began := time.perf_counter()) < ends:
        method, path, body, headers = next(requests)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 200 or (body and b'"name":"applied","valueInteger":500' not in told):
            raise RuntimeError(f"{answer.status}: {told[:400]!r}")
    connection.close()
    return took


_SELECT = f"""
SELECT v.data FROM charge c JOIN charge_version v ON v.tenant_id = c.tenant_id AND v.id = c.id AND v.version = c.version
 WHERE c.tenant_id = {_TENANT} AND c.version > 0 AND c.status = 'billable'
 ORDER BY c.updated_at DESC, c.id LIMIT {PULLED + 1};
""".replace("\n", " ")
# What the request reads and writes, each table in one go: the rows are the same, their contents copied.
_ACKNOWLEDGE = f"""
SELECT v.data FROM charge c JOIN charge_version v ON v.tenant_id = c.tenant_id AND v.id = c.id AND v.version = c.version
 WHERE c.tenant_id = {_TENANT} AND c.id = ANY(:ids) FOR UPDATE OF c;
WITH c AS (UPDATE charge SET version = version + 1, updated_at = now(),
             status = CASE status WHEN 'billable' THEN 'billed' ELSE 'billable' END
            WHERE tenant_id = {_TENANT} AND id = ANY(:ids) RETURNING *),
 v AS (INSERT INTO charge_version (tenant_id, id, version, status, recorded_at, data, feed_seq)
   SELECT c.tenant_id, c.id, c.version, c.status, now(), v.data, nextval('bench_feed') FROM c JOIN charge_version v
     ON v.tenant_id = c.tenant_id AND v.id = c.id AND v.version = 1),
 j AS (INSERT INTO journal (tenant_id, id, tenant, at, actor, client, request, action, patients, aggregate, version, event_type,
     data, recorded_at)
   SELECT tenant_id, gen_random_uuid(), 'bench', now(), 'biller', 'biller', 'r', 'charge-item.billed', ARRAY[patient], id::text,
     version, 'ccm.charge-item.billed.v1', repeat('x', 600), clock_timestamp() FROM c RETURNING tenant_id, id),
 s AS (INSERT INTO journal_unsealed (tenant_id, id) SELECT tenant_id, id FROM j)
INSERT INTO journal_unpublished (tenant_id, id, bucket) SELECT tenant_id, id, 7 FROM j;
"""


def _script(place: Place, name: str, statements: str) -> Path:
    first = f"\\set b random(0, {BLOCKS - 1})\n" if ":ids" in statements else ""
    ids = (
        f"ARRAY(SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
        f" FROM generate_series({_THEIRS} + :b * {ITEMS}, {_THEIRS} + :b * {ITEMS} + {ITEMS - 1}) AS n)"
    )
    told = " ".join(statements.split()).replace("; WITH", ";\nWITH").replace(":ids", ids)
    script = place.folder / f"{name}.sql"
    script.write_text(f"{first}{_HEAD}{told}\nCOMMIT;\n")
    return script


def _acknowledgements(place: Place) -> Iterator[_Request]:
    """Yield acknowledgements: block after block billed, then block after block returned, and so on."""
    headers = _headers(place, "system/ChargeItem.u") | {"Content-Type": "application/fhir+json"}
    path = f"/t/{TENANT}/fhir/R4/ChargeItem/$acknowledge"
    bodies = [
        json.dumps(
            {"resourceType": "Parameters", "parameter": [_item(_OURS + block * ITEMS + n, outcome) for n in range(ITEMS)]}
        ).encode()
        for outcome in ("billed", "returned")
        for block in range(BLOCKS)
    ]
    for body in itertools.cycle(bodies):
        yield "POST", path, body, headers


def _item(number: int, outcome: str) -> dict[str, object]:
    parts: list[dict[str, object]] = [
        {"name": "charge", "valueReference": {"reference": f"ChargeItem/{_charge_id(number)}"}},
        {"name": "outcome", "valueCode": outcome},
        {"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": f"C-{number}"}},
    ]
    if outcome == "returned":
        parts.append({"name": "reason", "valueCodeableConcept": {"text": "never sent"}})
    return {"name": "item", "part": parts}


def _headers(place: Place, scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.tokens.token(TENANT, scope)}", "Accept": "application/fhir+json"}


def _charge_id(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-{number:012x}")


def _fill(place: Place) -> None:
    """Write billable charges: a month of a large practice's queue for each side."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        for first in (_OURS, _THEIRS):
            charges = [_charge(first + number) for number in range(BLOCKS * ITEMS)]
            with connection.cursor().copy(f"COPY charge ({_CHARGE_COLUMNS}) FROM STDIN") as copy:
                for one in charges:
                    copy.write_row((
                        tenant_id(TENANT), one.id, 1, "billable", one.patient, one.line.practitioner, one.first_day, one.lane,
                        one.line.code_id, one.line.code, 1, one.line.date_of_service, 1, 1, _AT, _AT, f"mrn|{one.patient}",
                    ))  # fmt: skip
            columns = "tenant_id, id, version, status, recorded_at, data, feed_seq, published_at"
            with connection.cursor().copy(f"COPY charge_version ({columns}) FROM STDIN") as copy:
                for number, one in enumerate(charges, start=first + 1):
                    data = msgspec.json.encode(one).decode()
                    copy.write_row((tenant_id(TENANT), one.id, 1, "billable", _AT, data, number, _AT))
        connection.execute(
            "INSERT INTO feed_head (tenant_id, epoch, last_seq, last_at) VALUES (%s, gen_random_uuid(), %s, %s)",
            (tenant_id(TENANT), _THEIRS + BLOCKS * ITEMS, _AT),
        )
        # what pgbench writes is numbered already: the feed's numbering is the request's own work
        connection.execute("CREATE SEQUENCE bench_feed START 1000000000")
        connection.execute(f"GRANT USAGE ON SEQUENCE bench_feed TO {_ROLE}")
        connection.execute("VACUUM ANALYZE")


_CHARGE_COLUMNS = (
    "tenant_id, id, version, status, patient, practitioner, month, lane, code_id, code, units, date_of_service, attempt,"
    " assembly_version, entered_at, updated_at, patient_identifier"
)


def _charge(number: int) -> ChargeItem:
    return replace(_TEMPLATE, id=_charge_id(number), patient=f"p{number:07d}")


_TEMPLATE = ChargeItem(
    id=_charge_id(0),
    version=1,
    status=ChargeStatus.BILLABLE,
    attempt=1,
    patient="p",
    month="2026-10",
    first_day=date(2026, 10, 1),
    last_day=date(2026, 10, 31),
    lane="clinical_staff",
    line=PlannedCharge(
        code="99490", code_id="ccm.clinical_staff.base", base=True, units=1, date_of_service=date(2026, 10, 31),
        place_of_service="11", modifiers=(), diagnoses=("E11.9", "I10"), practitioner="dr-ada", practitioner_npi="1245319599",
        payer="medicare", coverage="ehr/Coverage/c@1", patient_billable=True, consents=("consent/0199f3c2@1",),
        entries=tuple(f"0199f3c2-5b4f-7c11-8a36-5d2f0e6b7a{n:02d}" for n in range(6)), rules=("T1", "A1"),
    ),
    decision="f" * 64,
    rule_book="a" * 64,
    assembly_version=1,
    updated_at=_AT,
    mrn=Identifier(system="https://ehr.example/mrn", value="00482913"),
    practitioner_name="Dr Ada",
    organization_npi="1234567893",
    coverages=(CoverageLine(coverage="c", rank=1, payer="medicare", payer_name="Medicare Part B", member_id="1EG4TE5MK73"),),
    entered_by="dr-ada",
    entered_at=_AT,
)  # fmt: skip


def _check_pulled(place: Place, port: int, path: str) -> None:
    """Make sure that what is timed is what it says."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=_headers(place, "system/ChargeItem.s"))
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    if len(found["entry"]) != PULLED:
        raise RuntimeError(f"{len(found['entry'])} charges were pulled, not {PULLED}")
