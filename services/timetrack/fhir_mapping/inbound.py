"""From a Task to a time entry: codes, references and amounts are checked; whether the entry may be is the domain's affair."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.timetrack.domain.time_entry import DayOnly, Performer, Problem, Status, Stretch, TimeEntry, interval_of
from services.timetrack.fhir_mapping.profile import (
    ACTION_TAKEN,
    ACTIVITY,
    ALLOWED,
    CLINICAL_RELEVANCE,
    IDENTIFIER_SYSTEM,
    OUTPUT,
    PERFORMER_ROLE,
    SECONDS,
    UCUM,
)
from shared.fhir.profile import (
    code_of,
    extension,
    extension_code,
    extension_place,
    extensions,
    member,
    refuse_unknown,
    required,
)
from shared.fhir.references import NPI_SYSTEM, ehr_id, identifier_value
from shared.fhir.times import fhir_time
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EhrPlace:
    """Where the tenant's EHR is: its FHIR base and further hosts on which its references may lie."""

    base: str
    hosts: tuple[str, ...] = ()


def read_task(task: Json, *, ehr: EhrPlace, own_id: str | None = None) -> TimeEntry:
    """Return the entry that `task` (of proven R4 shape) describes; `own_id` is its id here if it has one already.

    Invalid (422) names the place of an unknown element, a code, reference or amount that is not ours, and of what is missing.
    """
    refuse_unknown(task, ALLOWED)
    if required(task, "intent", expression="Task") != "order":
        raise Invalid("intent is order", rule="profile-code", expression="Task.intent")
    status = member(required(task, "status", expression="Task"), Status, expression="Task.status")
    outputs = _outputs(task)
    stretch = _stretch(task, outputs.get(SECONDS))
    basis = extension_code(task, "time-basis", TimeBasis, expression="Task")
    if basis is None:
        raise Invalid("say how the time is known", rule="profile-required", expression=_ext("time-basis", "valueCode"))
    program = extension_code(task, "program", Program, expression="Task")
    if program is None:
        raise Invalid("say for which program", rule="profile-required", expression=_ext("program", "valueCode"))
    _check_other_references(task, ehr)
    return TimeEntry(
        patient=_ehr(required(task, "for", expression="Task"), "Patient", ehr, "Task.for"),
        performer=_performer(required(task, "owner", expression="Task"), ehr),
        role=_role(task),
        program=program,
        activity=_activity(task),
        stretch=stretch,
        basis=basis,
        gap_seconds=_gap(task),
        asserted_reason=_text_extension(task, "asserted-reason"),
        problem=_problem(task, ehr),
        additional_problems=tuple(_additional_problems(task, ehr)),
        action_taken=outputs.get(ACTION_TAKEN),
        clinical_relevance=outputs.get(CLINICAL_RELEVANCE),
        note="\n".join(note["text"] for note in task.get("note", ())) or None,
        directed_by=_optional(task, "requester", "Practitioner", ehr),
        encounter=_optional(task, "encounter", "Encounter", ehr),
        group=_token(task["groupIdentifier"]) if "groupIdentifier" in task else None,
        external_ids=tuple(_external_ids(task, own_id)),
        patient_identifier=_token(task["for"]["identifier"]) if "identifier" in task["for"] else None,
        status=status,
        reason=_reason(task, status),
    )


def _ext(name: str, value: str) -> str:
    return extension_place("Task", name, value)


def _ehr(reference: Any, kind: str, ehr: EhrPlace, expression: str) -> str:
    return ehr_id(reference, (kind,), ehr_base=ehr.base, aliases=ehr.hosts, expression=expression)[1]


def _optional(task: Json, name: str, kind: str, ehr: EhrPlace) -> str | None:
    return _ehr(task[name], kind, ehr, f"Task.{name}") if name in task else None


def _performer(owner: Json, ehr: EhrPlace) -> Performer:
    identifier = owner.get("identifier")
    npi = identifier_value([identifier], NPI_SYSTEM) if identifier else None
    return Performer(_ehr(owner, "Practitioner", ehr, "Task.owner"), npi, owner.get("display"))


def _role(task: Json) -> PerformerRole:
    found = required(task, "performerType", expression="Task")
    if len(found) != 1:
        raise Invalid("one credential, in which the work was done", rule="profile-cardinality", expression="Task.performerType")
    place = "Task.performerType[0].coding.code"
    return member(code_of(found[0], PERFORMER_ROLE, expression="Task.performerType[0]"), PerformerRole, expression=place)


def _activity(task: Json) -> Activity:
    code = code_of(required(task, "code", expression="Task"), ACTIVITY, expression="Task.code")
    return member(code, Activity, expression="Task.code.coding.code")


def _stretch(task: Json, seconds: Any) -> Stretch:
    period = required(task, "executionPeriod", expression="Task")
    start, end = (
        fhir_time(required(period, name, expression="Task.executionPeriod"), expression=f"Task.executionPeriod.{name}")
        for name in ("start", "end")
    )
    if start.precision == end.precision == "day" and start.text == end.text:
        if seconds is None:
            raise Invalid("a day does not say how long: give the seconds", rule="profile-required", expression="Task.output")
        return DayOnly(start.start.date(), seconds)
    for name, at in (("start", start), ("end", end)):
        if at.precision != "instant":
            text = "give date, time and zone, or the same day as start and end"
            raise Invalid(text, rule="date-time-precision", expression=f"Task.executionPeriod.{name}")
    interval = interval_of(start.start, end.start)
    if seconds is not None and seconds != interval.seconds:
        text = f"states {seconds} seconds, but its period lasts {interval.seconds}"
        raise Invalid(text, rule="time-entry-seconds", expression="Task.output.valueDuration.value")
    return interval


def _outputs(task: Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, output in enumerate(task.get("output", ())):
        place = f"Task.output[{index}]"
        code = code_of(output.get("type"), OUTPUT, expression=f"{place}.type")
        if code not in (SECONDS, ACTION_TAKEN, CLINICAL_RELEVANCE):
            known = f"{SECONDS}, {ACTION_TAKEN}, {CLINICAL_RELEVANCE}"
            raise Invalid(f"is none of: {known}", rule="profile-code", expression=f"{place}.type.coding.code")
        if code in found:
            raise Invalid(f"{code} may be there once", rule="profile-cardinality", expression=place)
        if code == SECONDS:
            found[code] = _whole_seconds(output.get("valueDuration"), f"{place}.valueDuration")
        elif "valueString" in output:
            found[code] = output["valueString"]
        else:
            raise Invalid("is given as valueString", rule="profile-required", expression=f"{place}.valueString")
    return found


def _whole_seconds(duration: Any, place: str) -> int:
    if not isinstance(duration, dict) or "value" not in duration:
        raise Invalid("is given as valueDuration", rule="profile-required", expression=place)
    if duration.get("system") != UCUM or duration.get("code") != "s":
        raise Invalid(f"is given in seconds: code s of {UCUM}", rule="profile-code", expression=f"{place}.code")
    if "comparator" in duration:
        raise Invalid("is an exact number", rule="profile-element", expression=f"{place}.comparator")
    value = Decimal(duration["value"])
    if value != value.to_integral_value() or abs(value) > 10**9:
        raise Invalid("is a whole number of seconds", rule="time-entry-seconds", expression=f"{place}.value")
    return int(value)


def _gap(task: Json) -> int:
    found = extension(task, "gap-seconds", expression="Task")
    return 0 if found is None else _whole_seconds(found.get("valueDuration"), _ext("gap-seconds", "valueDuration"))


def _text_extension(task: Json, name: str) -> str | None:
    found = extension(task, name, expression="Task")
    if found is None:
        return None
    text = found.get("valueString")
    if not isinstance(text, str) or not text.strip():
        raise Invalid("is given as valueString", rule="profile-required", expression=_ext(name, "valueString"))
    return text


def _problem(task: Json, ehr: EhrPlace) -> Problem:
    reason, reference = task.get("reasonCode", {}), task.get("reasonReference")
    codings = reason.get("coding", ())
    codes = tuple(f"{coding.get('system', '')}|{coding['code']}" for coding in codings if coding.get("code"))
    words = [reason.get("text"), (reference or {}).get("display"), *(coding.get("display") for coding in codings)]
    condition = _ehr(reference, "Condition", ehr, "Task.reasonReference") if reference else None
    return Problem(condition, codes, next((text for text in words if text), None))


def _additional_problems(task: Json, ehr: EhrPlace) -> Iterator[Problem]:
    place = _ext("additional-problem", "valueReference")
    for found in extensions(task, "additional-problem"):
        reference = found.get("valueReference") or {}
        yield Problem(_ehr(reference, "Condition", ehr, place), (), reference.get("display"))


def _token(identifier: Json) -> str:
    return f"{identifier.get('system', '')}|{identifier.get('value', '')}"


def _external_ids(task: Json, own_id: str | None) -> Iterator[str]:
    for index, identifier in enumerate(task.get("identifier", ())):
        place = f"Task.identifier[{index}]"
        if "system" not in identifier or "value" not in identifier:
            raise Invalid("an identifier needs system and value", rule="profile-required", expression=place)
        if identifier["system"] != IDENTIFIER_SYSTEM:
            yield _token(identifier)
        elif identifier["value"] != own_id:
            raise Invalid("this system is ours to give", rule="identifier-system", expression=f"{place}.system")


def _reason(task: Json, status: Status) -> str | None:
    """Return why the entry is void, or why it was changed."""
    concept = task.get("statusReason")
    if concept is not None and status is Status.COMPLETED:
        raise Invalid("belongs to a void entry", rule="profile-element", expression="Task.statusReason")
    changed = _text_extension(task, "change-reason")
    if status is Status.COMPLETED:
        return changed
    codings = (concept or {}).get("coding", ())
    words = [(concept or {}).get("text"), *(coding.get("display") or coding.get("code") for coding in codings)]
    reason: str | None = next((text for text in words if text), None)
    if reason is None:
        raise Invalid("say why the entry is void", rule="time-entry-reason", expression="Task.statusReason")
    return reason


def _check_other_references(task: Json, ehr: EhrPlace) -> None:
    """Check the references that we only keep."""
    _optional(task, "focus", "EpisodeOfCare", ehr)
    for index, reference in enumerate(task.get("basedOn", ())):
        _ehr(reference, "CarePlan", ehr, f"Task.basedOn[{index}]")
    authors = ("Practitioner", "Patient", "RelatedPerson", "Organization")
    for index, note in enumerate(task.get("note", ())):
        if "authorReference" in note:
            place = f"Task.note[{index}].authorReference"
            ehr_id(note["authorReference"], authors, ehr_base=ehr.base, aliases=ehr.hosts, expression=place)
