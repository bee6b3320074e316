"""Entry → Task → entry is the same entry, whatever it holds; and the Task is one of R4 by the library's account."""

from datetime import UTC, date, datetime, timedelta
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timetrack.domain.time_entry import DayOnly, Performer, Problem, Status, TimeEntry
from services.timetrack.fhir_mapping.inbound import EhrPlace, read_task
from services.timetrack.fhir_mapping.outbound import Version, compose_task, task_of
from services.timetrack.fhir_mapping.profile import IDENTIFIER_SYSTEM, PROFILE
from shared.fhir.json_text import dump, parse
from shared.fhir.shape import check_shape
from shared.kernel.errors import Invalid
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis

OLD, NEW = "https://old.example/fhir", "https://new.example/r4"
EHR = EhrPlace(OLD, ("alias.example",))
ID = "018f0000-0000-7000-8000-000000000000"
VERSION = Version(ID, 3, 1, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, 3, 4, 5, 6, tzinfo=UTC))

ids = st.text(ascii_letters + digits + "-.", min_size=1, max_size=64)
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
systems = st.sampled_from(["https://a.example", "urn:oid:1.2.3"])
tokens = st.builds("{}|{}".format, systems, words)
codes = st.builds("{}|{}".format, systems, st.text(ascii_letters + digits + ".", min_size=1, max_size=10))
instants = st.integers(0, 7 * 365 * 86400 * 10).map(
    lambda tenths: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=tenths / 10)
)
stretches = st.one_of(
    st.builds(lambda start, length: Interval(start, start + length), instants, st.timedeltas(timedelta(seconds=1), timedelta(1))),
    st.builds(DayOnly, st.dates(date(2020, 1, 1), date(2026, 12, 31)), st.integers(1, 86400)),
)
problems = st.builds(Problem, st.none() | ids, st.lists(codes, max_size=3, unique=True).map(tuple), words)


@st.composite
def entries(draw: st.DrawFn) -> TimeEntry:
    """Draw an entry of any shape."""
    basis = draw(st.sampled_from(TimeBasis))
    status = draw(st.sampled_from(Status))
    return TimeEntry(
        patient=draw(ids),
        performer=Performer(draw(ids), draw(st.none() | st.just("1234567893")), draw(st.none() | words)),
        role=draw(st.sampled_from(PerformerRole)),
        program=draw(st.sampled_from(Program)),
        activity=draw(st.sampled_from(Activity)),
        stretch=draw(stretches),
        basis=basis,
        gap_seconds=draw(st.integers(1, 9999)) if basis is TimeBasis.MEASURED_WITH_GAP else 0,
        asserted_reason=draw(words) if basis is TimeBasis.ASSERTED else None,
        problem=draw(problems),
        additional_problems=tuple(draw(st.lists(st.builds(Problem, ids, st.just(()), st.none() | words), max_size=3))),
        action_taken=draw(st.none() | words),
        clinical_relevance=draw(st.none() | words),
        note=draw(st.none() | words),
        directed_by=draw(st.none() | ids),
        encounter=draw(st.none() | ids),
        group=draw(st.none() | tokens),
        external_ids=tuple(draw(st.lists(tokens, max_size=3, unique=True))),
        patient_identifier=draw(st.none() | tokens),
        status=status,
        reason=draw(words) if status is Status.ENTERED_IN_ERROR else draw(st.none() | words),
    )


@given(entries())
def test_an_entry_survives_the_way_out_and_back(entry: TimeEntry) -> None:
    composed = compose_task(entry)
    assert read_task(composed, ehr=EHR) == entry
    version = Version(ID, 1, entry.seconds, VERSION.authored_on, VERSION.written_at)
    outward = task_of(composed, version, ehr_base=OLD)
    assert read_task(outward, ehr=EHR, own_id=ID) == entry
    assert read_task(check_shape("Task", dump(outward)), ehr=EHR, own_id=ID) == entry


@given(entries())
def test_what_went_out_comes_out_again_the_same(entry: TimeEntry) -> None:
    version = Version(ID, 1, entry.seconds, VERSION.authored_on, VERSION.written_at)
    outward = task_of(compose_task(entry), version, ehr_base=OLD)
    assert task_of(parse(dump(outward)), version, ehr_base=OLD) == outward


def body(**changes: Any) -> dict[str, Any]:
    """Return a Task that was accepted while the EHR was at its old place."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    entry = TimeEntry(
        patient="p1",
        performer=Performer("n1"),
        role=PerformerRole.REGISTERED_NURSE,
        program=Program.CCM,
        activity=Activity.CARE_PLAN,
        stretch=Interval(start, start + timedelta(seconds=1)),
        basis=TimeBasis.MEASURED,
        external_ids=("x:y|1",),
    )
    return compose_task(entry) | changes


def test_an_ehr_that_moves_breaks_nothing() -> None:
    accepted = body(
        owner={"reference": f"{OLD}/Practitioner/n1"},
        basedOn=[{"reference": f"{OLD}/CarePlan/c1"}],
        note=[{"text": "x", "authorReference": {"reference": "Practitioner/n1", "display": "Rosa"}}],
    )
    task = task_of(accepted, VERSION, ehr_base=NEW)
    assert task["owner"] == {"reference": f"{NEW}/Practitioner/n1", "type": "Practitioner"}
    assert task["basedOn"] == [{"reference": f"{NEW}/CarePlan/c1", "type": "CarePlan"}]
    assert task["note"][0]["authorReference"] == {
        "reference": f"{NEW}/Practitioner/n1",
        "display": "Rosa",
        "type": "Practitioner",
    }


def test_what_is_ours_to_set_is_set_and_the_rest_of_meta_kept() -> None:
    meta = {"versionId": "9", "profile": ["https://other.example/p", PROFILE], "tag": [{"code": "t"}]}
    task = task_of(body(id="theirs", meta=meta, authoredOn="2020-01-01"), VERSION, ehr_base=NEW)
    assert task["id"] == ID
    assert task["meta"] == {
        "versionId": "3",
        "lastUpdated": "2026-10-02T03:04:05.000006Z",
        "profile": [PROFILE, "https://other.example/p"],
        "tag": [{"code": "t"}],
    }
    assert (task["authoredOn"], task["lastModified"]) == ("2026-10-01T00:00:00Z", "2026-10-02T03:04:05.000006Z")
    assert task["identifier"] == [{"system": IDENTIFIER_SYSTEM, "value": ID}, {"system": "x:y", "value": "1"}]


@pytest.mark.parametrize(
    ("reference", "allowed"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": f"{OLD}/Patient/p1"}, True),
        ({"reference": "https://alias.example/x/Patient/p1"}, True),
        ({"reference": f"{NEW}/Patient/p1"}, False),
        ({"reference": "Group/p1"}, False),
        ({"reference": "Patient/p1/_history/1"}, False),
        ({"identifier": {"value": "1"}}, False),
    ],
)
def test_patients_are_the_practices(reference: dict[str, Any], allowed: bool) -> None:
    task = body(**{"for": reference})
    if allowed:
        assert read_task(task, ehr=EHR).patient == "p1"
    else:
        with pytest.raises(Invalid):
            read_task(task, ehr=EHR)
