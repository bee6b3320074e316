"""Where the record of a consent is on its way into the EHR's chart; the record as a file, to print and to keep."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.consent.domain.consent import Consent
from services.consent.entrypoints.fragments import paper
from services.consent.entrypoints.fragments.common import Desk, Reader, Row, desk_of
from services.consent.usecases.filing_ports import Face, Paper
from services.consent.usecases.ports import Filed, Filings
from shared.db.asked import discloses
from shared.kernel.errors import NotFound
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/app/consent", route_class=RetryingRoute, include_in_schema=False)


@router.get("/records/{consent_id}/{version}")
async def record(request: Request, consent_id: UUID, version: int, principal: Reader) -> Response:
    """Return a version's record as PDF: the very bytes that go into the chart, if it does."""
    desk = await desk_of(request, principal)
    async with desk.call.read(desk.call.practice) as uow:
        found = await uow.consents.get(consent_id, version=version, patient=desk.patient)
        if found is None:
            raise NotFound("there is no such record")
        content = await uow.filings.content(consent_id, version)
        attached = paper.attached_to(found)
        signature = await uow.documents.find(attached, patient=desk.patient) if attached else None
    if content is None:
        chart = desk.chart
        face = Face(chart.name, chart.birth_date, chart.identifier) if chart else Face(None, None, None)
        staff = tuple(desk.staff.values())
        content = paper.write(Paper(found, face, staff, signature, desk.call.practice, desk.practice_name))
    discloses(desk.patient, resources=(f"consent/records/{consent_id}/{version}",))
    return Response(content, media_type="application/pdf", headers={"Content-Disposition": "attachment"})


async def filing_row(desk: Desk, filings: Filings, consent: Consent) -> Row | None:
    """Return how the pages say whether this version is in the chart; None where the practice files none of it."""
    if desk.files_from is None or consent.recorded_at < desk.files_from or not consent.statement.agreed:
        return None
    found = next((one for one in await filings.of(consent.id) if one.version == consent.version), None)
    return _words(desk, found)


def _words(desk: Desk, found: Filed | None) -> Row:
    if found is None or found.status == "waiting":
        why = f"The EHR has not taken it yet: {found.reason}." if found and found.reason else "It is filed within a minute."
        return {"level": "none", "head": "Waiting to be filed in the chart", "text": why}
    if found.status == "refused":
        why = f"The EHR’s words: {found.reason}. It is asked again every day; tell whoever runs your EHR."
        return {"level": "review", "head": "Not filed: the EHR refused", "text": why}
    return {"level": "ok", "head": "Filed in the chart", "text": f"on {desk.when(found.at)}"}
