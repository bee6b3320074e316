"""An entry given to whom it belongs: moved from the wrong chart, or split over several patients."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.timetrack.domain.division import Part
from services.timetrack.domain.time_entry import InvalidEntry, TimeEntry
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    Writer,
    answer,
    compose,
    desk_of,
)
from services.timetrack.entrypoints.fragments.entry_forms import (
    PARTS,
    find_entry,
    own_entry,
    row_values,
    said,
    seen_version,
    show_form,
)
from services.timetrack.usecases.divide_entry import divide_entry
from services.timetrack.usecases.ports import StoredVersion
from shared.contracts.ehr_context import EhrContextState
from shared.kernel.errors import PreconditionFailed
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import duration_words
from shared.web.typed import FieldError, form_of, minutes_of

router = APIRouter(prefix="/t/{tenant}/app/time/entries", route_class=RetryingRoute, include_in_schema=False)


@router.post("/{entry_id}/move")
async def move(request: Request, entry_id: UUID, principal: Writer) -> Response:
    """Move an entry that was logged in the wrong chart: void here and new there, both with the reason."""
    desk, typed = await desk_of(request, principal), await form_of(request)
    stored, entry = await own_entry(desk, entry_id)
    patient, error = await _patient_of(desk, typed.get("mrn", ""), "time-move-mrn")
    if patient is None or not typed.get("words"):
        errors = [
            *([error] if error else []),
            *([] if typed.get("words") else [FieldError("time-move-words", "Say how it happened.")]),
        ]
        return await show_form(desk, "move", stored, entry, typed, errors)
    did = "\n".join(text for text in (entry.action_taken, entry.note) if text) or None
    part = Part(
        patient.patient,
        entry.seconds,
        _identifier(patient),
        action_taken=did,
        clinical_relevance=entry.clinical_relevance,
    )
    return await _divide(desk, "move", stored, entry, [part], f"Wrong patient: {typed['words']}", typed)


@router.post("/{entry_id}/split")
async def split(request: Request, entry_id: UUID, principal: Writer) -> Response:
    """Split one stretch over several patients: consecutive parts, one group, nothing added."""
    desk, typed = await desk_of(request, principal), await form_of(request)
    stored, entry = await own_entry(desk, entry_id)
    parts, errors = await _parts(desk, entry, typed)
    if errors:
        return await show_form(desk, "split", stored, entry, typed, errors)
    return await _divide(desk, "split", stored, entry, parts, f"Split over {len(parts)} patients", typed)


async def _divide(
    desk: Desk,
    action: str,
    stored: StoredVersion,
    entry: TimeEntry,
    parts: Sequence[Part],
    reason: str,
    typed: Mapping[str, str],
) -> Response:
    at = desk.at
    try:
        versions = await divide_entry(
            uow=at.uow,
            months=at.months,
            practice=at.practice,
            author=at.author,
            entry_id=stored.id,
            seen_version=seen_version(typed, stored),
            patient=desk.patient,
            entry=entry,
            parts=parts,
            reason=reason,
            compose=compose,
            now=at.now,
        )
    except (InvalidEntry, PreconditionFailed) as error:
        return await show_form(desk, action, stored, entry, typed, [said(error)])
    fresh, now_is = await find_entry(desk, stored.id)
    here = [(each.id, each.version) for each in versions if each.entry.patient == desk.patient]
    return answer("entry_row.html", seen=here, **await row_values(desk, fresh, now_is))


async def _parts(desk: Desk, entry: TimeEntry, typed: Mapping[str, str]) -> tuple[list[Part], list[FieldError]]:
    """Read the parts: the first is this patient's, the others by their medical record number."""
    parts, errors = [], []
    for index in range(PARTS):
        mrn, length = typed.get(f"mrn{index}", ""), typed.get(f"minutes{index}", "")
        if index and not mrn and not length:
            continue
        seconds = minutes_of(length)
        if seconds is None:
            errors.append(FieldError(f"time-split-minutes{index}", "Give the minutes, such as 6 or 6:30."))
        found, error = await _patient_of(desk, mrn, f"time-split-mrn{index}") if index else (None, None)
        if error:
            errors.append(error)
        if seconds is None or error:
            continue
        did, why = typed.get(f"did{index}") or None, typed.get(f"why{index}") or None
        if index == 0:
            parts.append(
                Part(
                    desk.patient,
                    seconds,
                    entry.patient_identifier,
                    entry.problem,
                    did or entry.action_taken,
                    why or entry.clinical_relevance,
                )
            )
        elif found:
            parts.append(Part(found.patient, seconds, _identifier(found), action_taken=did, clinical_relevance=why))
    if not errors and len(parts) < 2:
        errors.append(FieldError("time-split-mrn1", "Name at least one other patient."))
    total = sum(part.seconds for part in parts)
    if not errors and total != entry.seconds:
        text = f"The parts are {duration_words(total)}, the entry is {duration_words(entry.seconds)}."
        errors.append(FieldError("time-split-minutes0", text))
    return parts, errors


async def _patient_of(desk: Desk, mrn: str, field: str) -> tuple[EhrContextState | None, FieldError | None]:
    """Return the one patient with that MRN whose chart was opened here before; another than this one."""
    async with desk.at.uow as uow:
        found = await uow.charts.by_identifier(mrn) if mrn else []
    if len(found) != 1:
        text = "Give the MRN of a patient whose chart was opened in Careledger before."
        return None, FieldError(field, text)
    if found[0].patient == desk.patient:
        return None, FieldError(field, "That is this patient.")
    return found[0], None


def _identifier(chart: EhrContextState) -> str | None:
    return f"{chart.identifier_system or ''}|{chart.identifier}" if chart.identifier else None
