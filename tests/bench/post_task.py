"""POST Task by the whole path ÷ pgbench writing the same rows into the same tables under the same constraints."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from shared.kernel.vocabulary import CANONICAL
from tests.bench.load import Load, request_bytes, run_load
from tests.bench.place import TENANT, Place, pgbench_tps, place_of, served
from tests.bench.report import Measure
from tests.fakes.world import EHR_BASE, tenant_id

ROUNDS, SECONDS = 5, 4
PATIENTS, PERFORMERS = 200, 200
GOALS = {(1, 1): 0.30, (16, 1): 0.25, (16, 2): 0.25}
"""By clients and processes that serve them."""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def measure() -> Iterator[Measure]:
    """Yield the ratio at 1 and at 16 clients by one process, and at 16 by two replicas."""
    with place_of("timetrack") as place:
        remember_patients(place)
        script = _pgbench_script(place)
        make = task_maker(place, itertools.count())
        with served(place, "timetrack", processes=2) as servers:
            for server in servers:
                run_load([server.port], clients=4, seconds=2, make=make, wanted=201)
            for (clients, processes), goal in GOALS.items():
                ratios, loads = [], []
                busy, serving = 0.0, servers[:processes]
                for _ in range(ROUNDS):
                    base = pgbench_tps(place, script, clients=clients, seconds=SECONDS)
                    busy -= sum(server.cpu_seconds() for server in serving)
                    load = run_load([s.port for s in serving], clients=clients, seconds=SECONDS, make=make, wanted=201)
                    busy += sum(server.cpu_seconds() for server in serving)
                    if load.wrong:
                        raise RuntimeError(f"{load.wrong} answers were no 201")
                    ratios.append(load.per_second / base)
                    loads.append(load)
                name = f"POST Task ÷ pgbench, {clients} clients, {processes} process{'es' if processes > 1 else ''}"
                yield Measure(name, ratios, at_least=goal, note=_note(loads, busy))


def _note(loads: list[Load], busy: float) -> str:
    middle = sorted(loads, key=lambda load: load.per_second)[len(loads) // 2]
    each = busy / sum(load.answers for load in loads)
    return f"{middle.per_second:.0f}/s, p50 {middle.p50:.1f} ms, p99 {middle.p99:.1f} ms, {each * 1e6:.0f} us of CPU each"


def remember_patients(place: Place) -> None:
    """The EHR has been asked for these patients before, as it would have been in a running practice."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        rows = [(str(tenant_id(TENANT)), f"p{n}", _EPOCH) for n in range(PATIENTS)]
        statement = "INSERT INTO patient_mention (tenant_id, patient, known, checked_at) VALUES (%s, %s, true, %s)"
        connection.cursor().executemany(statement, rows)


def task_maker(place: Place, numbers: "itertools.count[int]") -> Callable[[], bytes]:
    """Return what makes the next POST of a Task, each for another stretch of a nurse's time."""
    token = place.tokens.token(TENANT, "system/Task.crus")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    def make() -> bytes:
        body = json.dumps(_task(next(numbers))).encode()
        return request_bytes("POST", f"/t/{TENANT}/fhir/R4/Task", body, headers)

    return make


def _task(number: int) -> dict[str, object]:
    start = _EPOCH + timedelta(minutes=15 * (number // PERFORMERS))

    def coded(system: str, code: str) -> dict[str, object]:
        return {"coding": [{"system": f"{CANONICAL}/CodeSystem/{system}", "code": code}]}

    def ext(name: str, **value: str) -> dict[str, object]:
        return {"url": f"{CANONICAL}/StructureDefinition/{name}", **value}

    return {
        "resourceType": "Task",
        "identifier": [{"system": "https://ehr.example/time", "value": f"bench-{number}"}],
        "status": "completed",
        "intent": "order",
        "code": coded("activity", "medication-management"),
        "for": {"reference": f"{EHR_BASE}/Patient/p{number % PATIENTS}"},
        "owner": {"reference": f"{EHR_BASE}/Practitioner/n{number % PERFORMERS}", "display": "Nurse"},
        "performerType": [coded("performer-role", "registered-nurse")],
        "executionPeriod": {"start": start.isoformat(), "end": (start + timedelta(minutes=10)).isoformat()},
        "reasonCode": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}], "text": "Hypertension"},
        "note": [
            {"text": "BP log 148-156/84-90, skipped HCTZ 3 days (ran out). Called pharmacy, refill today. Recheck Thursday."}
        ],
        "output": [
            {"type": coded("time-output", "action-taken"), "valueString": "called pharmacy about the refill"},
            {"type": coded("time-output", "clinical-relevance"), "valueString": "BP above goal since the drug ran out"},
        ],
        "extension": [
            ext("program", valueCode="ccm"),
            ext("time-basis", valueCode="asserted"),
            ext("asserted-reason", valueString="sent by the EHR"),
        ],
    }


def _pgbench_script(place: Place) -> Path:
    """Write the baseline: the rows that one POST Task writes, copied from a stored one, in one statement."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE bench_number START 1")
    body = json.dumps(_task(0)).replace("'", "''")
    tenant = f"'{tenant_id(TENANT)}'::uuid"
    start = f"timestamptz '2000-01-01' + interval '15 minutes' * (:number / {PERFORMERS})"
    script = place.folder / "post_task.sql"
    script.write_text(
        f"""SELECT nextval('bench_number') AS number \\gset
WITH x AS (SELECT gen_random_uuid() AS id),
 e AS (INSERT INTO time_entry (tenant_id, id, version, status, patient, performer, program, activity, started_at, ended_at,
   seconds, basis, gap_seconds, authored_on, modified_at)
   SELECT {tenant}, id, 1, 'completed', 'p' || :number % {PATIENTS}, 'b' || :number % {PERFORMERS}, 'ccm', 'care-plan',
   {start}, {start} + interval '10 minutes', 600, 'asserted', 0, now(), now() FROM x),
 v AS (INSERT INTO time_entry_version (tenant_id, id, version, change, seconds, written_at, author, client, late, body)
   SELECT {tenant}, id, 1, 'logged', 600, now(), 'ehr', 'ehr', false, '{body}' FROM x),
 i AS (INSERT INTO time_entry_identifier (tenant_id, system, value, entry_id)
   SELECT {tenant}, 'https://ehr.example/time', 'pgbench-' || :number, id FROM x),
 j AS (INSERT INTO journal (tenant_id, id, tenant, at, actor, client, request, action, patients, aggregate, version,
   event_type, data, recorded_at, address, token, interaction, route)
   SELECT {tenant}, id, 'bench', now(), 'ehr', 'ehr', id::text, 'time-entry.logged', ARRAY['p1'], id::text, 1,
   'ccm.time-entry.logged.v1', '{body}', clock_timestamp(), '127.0.0.1', 'jti', 'create', '/t/{{tenant}}/fhir/R4/Task' FROM x),
 u AS (INSERT INTO journal_unsealed (tenant_id, id) SELECT {tenant}, id FROM x)
INSERT INTO journal_unpublished (tenant_id, id, bucket) SELECT {tenant}, id, 7 FROM x;
"""
    )
    return script
