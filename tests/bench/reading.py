"""Read one Task and search 20 of a patient, by HTTP ÷ the same SELECT by pgbench under the same role and tenant."""

import itertools
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from tests.bench.load import Load, request_bytes, run_load
from tests.bench.place import TENANT, Place, pgbench_tps, place_of, served
from tests.bench.post_task import PATIENTS, remember_patients, task_maker
from tests.bench.report import Measure
from tests.fakes.world import EHR_BASE, tenant_id

ROUNDS, SECONDS, CLIENTS = 5, 3, 4
PER_PATIENT = 25
_ROLE = "timetrack_app"
_COLUMNS = "v.id, v.version, e.authored_on, v.seconds, v.written_at, v.author, v.change, v.late, v.body"
_SELECT = f"""SELECT {_COLUMNS}, e.modified_at FROM time_entry_version v
 JOIN time_entry e ON e.tenant_id = v.tenant_id AND e.id = v.id
 WHERE e.tenant_id = '{tenant_id(TENANT)}' AND v.version = e.version"""


def measure() -> Iterator[Measure]:
    """Yield both ratios, with several clients."""
    with place_of("timetrack") as place:
        remember_patients(place)
        with served(place, "timetrack") as (server,):
            port = server.port
            make = task_maker(place, itertools.count())
            while _stored(place) < PATIENTS * PER_PATIENT:
                run_load([port], clients=4, seconds=1, make=make, wanted=201)
            with psycopg.connect(place.admin_url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            one = _an_entry(place)
            read = f"AND v.tenant_id = '{tenant_id(TENANT)}' AND v.id = '{one}'"
            found = "AND e.patient = 'p' || :n ORDER BY e.modified_at DESC, e.id DESC LIMIT 21"
            base = f"/t/{TENANT}/fhir/R4/Task"
            search = f"{base}?patient={EHR_BASE}/Patient/p{{}}&_count=20&_sort=-modified"
            _check_twenty(place, port, search.format(7))
            yield _ratio("read one Task", place, port, f"{base}/{one}", _script(place, "read", read))
            yield _ratio("search 20 Tasks of a patient", place, port, search, _script(place, "search", found))


def _ratio(name: str, place: Place, port: int, path: str, script: Path) -> Measure:
    ratios: list[float] = []
    loads: list[Load] = []
    for _ in range(ROUNDS):
        base = pgbench_tps(place, script, clients=CLIENTS, seconds=SECONDS, role=_ROLE)
        load = run_load([port], clients=CLIENTS, seconds=SECONDS, make=_getter(place, path), wanted=200)
        if load.wrong:
            raise RuntimeError(f"{load.wrong} answers were no 200")
        ratios.append(load.per_second / base)
        loads.append(load)
    middle = sorted(loads, key=lambda each: each.per_second)[ROUNDS // 2]
    note = f"{middle.per_second:.0f}/s, p50 {middle.p50:.1f} ms, p99 {middle.p99:.1f} ms"
    return Measure(f"{name} ÷ pgbench, {CLIENTS} clients", ratios, note=note)


def _getter(place: Place, path: str) -> Callable[[], bytes]:
    headers, numbers = _headers(place), itertools.count()
    return lambda: request_bytes("GET", path.format(next(numbers) % PATIENTS), b"", headers)


def _headers(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.tokens.token(TENANT, 'system/Task.rs')}", "Accept": "application/fhir+json"}


def _script(place: Place, name: str, rest: str) -> Path:
    script = place.folder / f"{name}.sql"
    select = " ".join(f"{_SELECT} {rest}".split())
    script.write_text(
        f"\\set n random(0, {PATIENTS - 1})\nBEGIN;\nSET LOCAL app.tenant = '{tenant_id(TENANT)}';\n{select};\nCOMMIT;\n"
    )
    return script


def _stored(place: Place) -> int:
    with psycopg.connect(place.admin_url) as connection:
        return len(connection.execute("SELECT 1 FROM time_entry").fetchall())


def _an_entry(place: Place) -> str:
    with psycopg.connect(place.admin_url) as connection:
        return str(connection.execute("SELECT id FROM time_entry WHERE patient = 'p7' LIMIT 1").fetchall()[0][0])


def _check_twenty(place: Place, port: int, path: str) -> None:
    """Make sure that what is timed is what it says."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=_headers(place))
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    if len(found["entry"]) != 20:
        raise RuntimeError(f"{len(found['entry'])} Tasks were found, not 20")
