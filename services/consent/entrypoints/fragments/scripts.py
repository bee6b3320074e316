"""The exact words that are read to patients, for anybody: what `Consent.policy.uri` names (C8)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.consent.domain.disclosure import wording
from services.consent.entrypoints.fragments.common import PAGES
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import DisclosureCode
from shared.web.access_control import Open
from shared.web.pages import date_words

router = APIRouter(prefix="/t/{tenant}/app/consent/scripts", include_in_schema=False)

PUBLIC = Depends(Open("the words that are read to patients, the same for every practice; no patient data"))


@router.get("/{version}/{language}", dependencies=[PUBLIC])
async def script(version: str, language: Annotated[str, "en or es"]) -> Response:
    """Show one wording, to be read or printed and signed; it says the same whatever practice is named in the address."""
    found = wording(version, language)
    if found is None:
        raise NotFound("there is no such wording")
    name = {"en": "[your practitioner]", "es": "[su profesional]"}[language]
    points = [
        (found.topics[code], found.points[code].format(practitioner=name)) for code in DisclosureCode if code in found.points
    ]
    return PAGES.answer(
        "cons_script.html",
        version=found.version,
        language=language,
        since=date_words(found.in_use_since),
        points=points,
        other=found.other_practice,
        question=found.question,
        draft=found.draft,
        signing=_SIGNING[language],
    )


_SIGNING = {
    "en": (
        "For signing on paper",
        "Yes",
        "No",
        "Name",
        "If you sign for somebody: by which authority",
        "Signature",
        "Date and time",
    ),
    "es": ("Para firmar en papel", "Sí", "No", "Nombre", "Si firma por otra persona: con qué autoridad", "Firma", "Fecha y hora"),
}
