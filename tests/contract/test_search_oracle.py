"""Search against a naive filter over the same resources: five hundred random queries, order and pages (requirements 26, 28)."""

import asyncio
import random
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.contract.asking import KINDS, ask, body, made, own
from tests.contract.naive_search import codings, matches, reference, times
from tests.fakes.world import EHR_BASE
from tests.integration.consent.resources import by_practitioner, declined, given, revoked
from tests.integration.timetrack.tasks import amended, day_task
from tests.security.place import NOW, Place

PARAMETERS = {
    "Consent": ("_id", "_lastUpdated", "identifier", "patient", "status", "category", "date", "period", "actor"),
    "Task": ("_id", "_lastUpdated", "identifier", "patient", "status", "code", "owner", "authored-on", "modified", "period",
             "encounter", "program"),
    "ChargeItem": ("_id", "_lastUpdated", "identifier", "patient", "status", "code", "occurrence", "entered-date",
                   "service-month", "context"),
}  # fmt: skip
SORTS = {"Consent": ("_lastUpdated", "date"), "Task": ("_lastUpdated", "authored-on", "modified", "period"),
         "ChargeItem": ("_lastUpdated", "entered-date")}  # fmt: skip


async def everything(place: Place, path: str, **options: Any) -> list[dict[str, Any]]:
    """Follow the pages of a search to its end."""
    found: list[dict[str, Any]] = []
    while path:
        answer = await ask(place, "GET", path, **options)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        bundle = answer.json()
        found += [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        path = following[0].partition("/fhir/R4/")[2] if following else ""
    return found


async def populate(place: Place, rng: random.Random) -> None:
    """Make consents and time entries that differ in whatever a search looks at, at different instants of the server's clock."""
    for number in range(24):
        place.clock.set(NOW + timedelta(minutes=number // 2))
        who = f"pat-search-{rng.randint(1, 6)}"
        resource = (declined if number % 5 == 4 else body)(*([f"search-{number}"] if number % 5 == 4 else ["Consent"]))
        resource["patient"], resource["performer"] = {"reference": f"Patient/{who}"}, [{"reference": f"Patient/{who}"}]
        resource["category"][1]["coding"][0]["code"] = rng.choice(("ccm", "pcm", "apcm"))
        when = f"2026-{rng.choice(('09', '10'))}-{rng.randint(1, 28):02d}T10:00:00-04:00"
        resource = by_practitioner(given(resource, when), f"dr-{number % 3}")
        answer = await ask(place, "POST", "Consent", json=resource)
        assert answer.status_code == 201, answer.text
        if number % 6 == 1 and answer.json()["status"] == "active":
            stopped = revoked(answer.json(), "2026-10-29T10:00:00-04:00")
            await ask(place, "PUT", f"Consent/{stopped['id']}", json=stopped, headers={"If-Match": 'W/"1"'})
        entry = day_task(f"2026-10-{rng.randint(1, 28):02d}", 600) if number % 4 == 0 else body("Task")
        entry["for"], entry["identifier"][0]["value"] = {"reference": f"Patient/{who}"}, str(uuid4())
        entry["code"]["coding"][0]["code"] = rng.choice(("patient-contact", "care-plan", "education"))
        entry["extension"][0]["valueCode"] = rng.choice(("ccm", "pcm"))
        entry["owner"] = {"reference": f"Practitioner/rn-{number}"}
        if number % 3:
            entry["encounter"] = {"reference": f"Encounter/e-{number % 3}"}
        answer = await ask(place, "POST", "Task", json=entry)
        assert answer.status_code == 201, answer.text
        if number % 7 == 3:
            changed = amended(answer.json())
            await ask(place, "PUT", f"Task/{changed['id']}", json=changed, headers={"If-Match": 'W/"1"'})
    place.clock.set(NOW)


@pytest.fixture(scope="module")
async def population(place: Place) -> dict[str, list[dict[str, Any]]]:
    """All resources by type, read once the place is populated."""
    await populate(place, random.Random(26))
    return {kind: await everything(place, f"{kind}?_count=500") for kind in KINDS}


def _value(rng: random.Random, name: str, resource: dict[str, Any]) -> str:
    """Return a value that matches this resource, or one that nearly does."""
    if name in ("patient", "owner", "encounter", "context", "actor"):
        ident = reference(resource, name) or "nobody"
        kind = {"patient": "Patient", "encounter": "Encounter", "context": "EpisodeOfCare"}.get(name, "Practitioner")
        return rng.choice((ident, f"{kind}/{ident}", f"{EHR_BASE}/{kind}/{ident}", f"https://stranger.example/{kind}/{ident}"))
    if name in ("_id", "identifier", "status", "category", "code", "program"):
        system, code = rng.choice(list(codings(resource, name)) or [("http://x.example", "none")])
        if name == "_id":
            return code
        return rng.choice((code, f"{system}|{code}", f"{system}|", f"|{code}", f"http://x.example|{code}"))
    held = times(resource, name)
    at = (held[rng.randint(0, 1)] if held else NOW) + timedelta(days=rng.choice((0, 0, 0, -1, 1, 30)))
    at = min(at, NOW + timedelta(days=900))
    text = rng.choice((at.strftime("%Y"), at.strftime("%Y-%m"), at.strftime("%Y-%m-%d"), at.replace(microsecond=0).isoformat()))
    return rng.choice(("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")) + text


def _query(rng: random.Random, kind: str, population: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    names = rng.choices(PARAMETERS[kind], k=rng.randint(1, 3))
    return [(name, [_value(rng, name, rng.choice(population)) for _ in range(rng.randint(1, 3))]) for name in names]


@pytest.mark.requirement("standards-26")
@pytest.mark.parametrize(("kind", "queries"), [("Consent", 200), ("Task", 200), ("ChargeItem", 100)])
async def test_a_search_finds_what_a_naive_filter_finds(
    place: Place, population: dict[str, list[dict[str, Any]]], kind: str, queries: int
) -> None:
    rng, everyone, hits = random.Random(kind), population[kind], 0
    for _ in range(queries):
        query = _query(rng, kind, everyone)
        sort = rng.choice(("", *SORTS[kind], *(f"-{name}" for name in SORTS[kind])))
        pairs = [(name, ",".join(values)) for name, values in query] + ([("_sort", sort)] if sort else [])
        pairs.append(("_count", str(rng.choice((3, 50, 500)))))
        found = await everything(place, f"{kind}?{urlencode(pairs)}")
        expected = {one["id"] for one in everyone if matches(query, one)}
        assert len(found) == len({one["id"] for one in found}), pairs
        assert {one["id"] for one in found} == expected, pairs
        keys = [times(one, sort.removeprefix("-") or "_lastUpdated") for one in found]
        begins = [key[0] for key in keys if key is not None]
        assert begins == sorted(begins, reverse=sort.startswith("-") or not sort), pairs
        hits += bool(expected) and len(expected) < len(everyone)
    assert hits > queries / 4, f"only {hits} of {queries} queries told resources apart"


@pytest.mark.requirement("standards-26")
@pytest.mark.parametrize("kind", KINDS)
async def test_totals_count_what_matches(place: Place, population: dict[str, list[dict[str, Any]]], kind: str) -> None:
    rng = random.Random(5)
    for _ in range(10):
        query = _query(rng, kind, population[kind])
        pairs = urlencode([(name, ",".join(values)) for name, values in query])
        counted = (await ask(place, "GET", f"{kind}?{pairs}&_count=0")).json()
        stated = (await ask(place, "GET", f"{kind}?{pairs}&_count=1&_total=accurate")).json()
        expected = sum(matches(query, one) for one in population[kind])
        assert (counted["total"], counted.get("entry"), stated["total"]) == (expected, None, expected)


@pytest.mark.requirement("standards-28")
@pytest.mark.parametrize(
    ("kind", "sort"), [("Consent", "-_lastUpdated"), ("Consent", "date"), ("Task", "_lastUpdated"), ("Task", "period")]
)
async def test_pages_stay_complete_while_fifty_write(place: Place, kind: str, sort: str) -> None:
    """Nobody who was there before, and is not changed meanwhile, is skipped or shown twice."""
    before = {one["id"] for one in await everything(place, f"{kind}?_count=500")}
    writers = [asyncio.create_task(made(place, kind)) for _ in range(50)]
    ids = [one["id"] for one in await everything(place, f"{kind}?_count=7&_sort={sort}")]
    written = {one["id"] for one in await asyncio.gather(*writers)}
    assert len(ids) == len(set(ids)) and before <= set(ids) <= before | written


@pytest.mark.requirement("standards-28")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_moved_cursor_shows_what_its_bearer_may_see(place: Place, kind: str) -> None:
    others = {"claims": {"patient": "pat-north-2"}}
    first = (await ask(place, "GET", f"{kind}?_count=1")).json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next").partition("/fhir/R4/")[2]
    seen = await everything(place, following, **others)
    assert {reference(one, "patient") for one in seen} <= {"pat-north-2"}
    cursor = f"2999-01-01T00:00:00Z~{own(place, kind).partition('/')[2]}"
    moved = await everything(place, f"{kind}?_after={cursor}", **others)
    assert {reference(one, "patient") for one in moved} == {"pat-north-2"}
    for bad in ("x", "~", "2026~x", "2026-10-01~0199b7a0-0000-7000-8000-000000000000", "a~b~c", "%00"):
        assert (await ask(place, "GET", f"{kind}?_after={bad}")).status_code == 400, bad
