"""Drafts: what somebody typed and has not saved, kept for them, for this patient and form, and offered after any relaunch."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shared.access.entrypoints.app_door import AppDoor, Door
from shared.contracts.tenant import TenantState
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.access_control import Principal, page
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/app/drafts", route_class=RetryingRoute, include_in_schema=False)

_ANYBODY = Annotated[Principal, Depends(page(*StaffRole))]
Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_.-]+$")]


class Typed(BaseModel):
    """The form's fields as they stand."""

    fields: dict[Name, Annotated[str, Field(max_length=20_000)]] = Field(max_length=60)


@router.get("/{form}")
async def read_draft(form: Name, who: _ANYBODY, door: Door) -> Response:
    """Return the draft with its time; 204 if there is none."""
    assert who.patient is not None
    async with door.begin(await _practice(who, door)) as uow:
        draft = await uow.draft(who.actor, who.patient, form)
    if draft is None:
        return Response(status_code=204)
    return JSONResponse({"fields": json.loads(draft.body), "saved_at": draft.saved_at.isoformat()})


@router.put("/{form}")
async def keep_draft(form: Name, typed: Typed, who: _ANYBODY, door: Door) -> Response:
    """Keep the draft, over the one before."""
    assert who.patient is not None
    async with door.begin(await _practice(who, door)) as uow:
        saved_at = await uow.keep_draft(who.actor, who.patient, form, json.dumps(typed.fields))
    return JSONResponse({"saved_at": saved_at.isoformat()})


@router.delete("/{form}")
async def drop_draft(form: Name, who: _ANYBODY, door: Door) -> Response:
    """Forget the draft: it was saved, or given up."""
    assert who.patient is not None
    async with door.begin(await _practice(who, door)) as uow:
        await uow.drop_draft(who.actor, who.patient, form)
    return Response(status_code=204)


async def _practice(who: Principal, door: AppDoor) -> TenantState:
    tenant = await door.directory.tenant_by_id(who.tenant_id)
    if tenant is None:
        raise NotFound("no such resource")
    return tenant
