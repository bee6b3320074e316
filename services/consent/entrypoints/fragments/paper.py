"""A consent on paper: every field that an auditor asks for, the words that were read, and the signature."""

from services.consent.domain.consent import Change, Consent, Status
from services.consent.domain.disclosure import wording
from services.consent.entrypoints.fragments.common import LANGUAGES, Speech
from services.consent.entrypoints.fragments.record import attached_to as attached_to
from services.consent.entrypoints.fragments.record import record_rows
from services.consent.usecases.filing_ports import Paper
from services.consent.usecases.ports import Document
from shared.kernel.vocabulary import DisclosureCode
from shared.web.pages import day_words
from shared.web.paper import Facts, Picture, Record, Section, Words, record_pdf, whose

_STATES = {
    Change.GRANTED: "The patient agreed",
    Change.DECLINED: "The patient declined",
    Change.REVOKED: "The patient stopped it",
    Change.CORRECTED: "Corrected",
    Change.SUPERSEDED: "Superseded by a later statement of the patient",
}


def write(paper: Paper) -> bytes:
    """Return the PDF of one version; days, times and names as the practice says them."""
    consent = paper.recorded.consent
    speech = Speech(
        zone=paper.practice.zone,
        now=consent.recorded_at,
        practice_name=paper.practice_name,
        staff={member.practitioner: member for member in paper.staff},
    )
    facts = [("Event", _state(consent)), *record_rows(speech, paper.recorded)]
    return record_pdf(
        Record(
            title=f"Consent to {consent.statement.program.value.upper()}",
            practice=paper.practice_name,
            person=whose(paper.face.name, paper.face.birth_date, paper.face.number),
            number=f"Consent {consent.id}, version {consent.version}",
            sections=[Facts("Record", facts), *_words_read(speech, consent), *_signature(paper)],
        )
    )


def _state(consent: Consent) -> str:
    if consent.status is Status.ENTERED_IN_ERROR:
        return "Entered in error: it never held"
    return _STATES[consent.change]


def _words_read(speech: Speech, consent: Consent) -> list[Section]:
    """Return the script of the version and language named, if it is ours."""
    script = consent.statement.script
    found = wording(script.version or "", script.language or "")
    if found is None or "/scripts/" not in script.uri:
        return []
    name = speech.name_of(consent.statement.practitioner)
    points = [
        f"{found.topics[code]}: {found.points[code].format(practitioner=name)}" for code in DisclosureCode if code in found.points
    ]
    heading = f"Words read, version {found.version}, {LANGUAGES.get(found.language, found.language)}"
    return [Words(heading, [*points, found.other_practice, found.question])]


def _signature(paper: Paper) -> list[Section]:
    document = paper.signature
    if document is None:
        return []
    rows = [
        ("Kept", f"{day_words(document.kept_at, paper.practice.zone)}, {len(document.content)} bytes, {document.content_type}"),
        ("SHA-256", document.sha256.hex()),
    ]
    if not document.content_type.startswith("image/"):
        return [Facts("Signed paper, kept as a scan", rows)]
    return [Facts("Signature", rows), Picture("As signed", document.content, _caption(document))]


def _caption(document: Document) -> str:
    return f"Kept under {document.id}"
