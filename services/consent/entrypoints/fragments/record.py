"""The record of a consent: every field that an auditor asks for (C8), in words."""

from typing import Any
from uuid import UUID

from services.consent.domain.consent import Answer, Change, Consent, Status
from services.consent.domain.disclosure import wording
from services.consent.entrypoints.fragments.common import (
    IDENTITY_CHECKS,
    LANGUAGES,
    METHODS,
    TOPICS,
    Row,
    Speech,
    program_with,
    told_words,
)
from services.consent.fhir_mapping import profile
from services.consent.usecases.ports import Recorded
from shared.fhir.json_text import parse
from shared.fhir.profile import extension, extensions
from shared.kernel.vocabulary import DisclosureCode
from shared.web.pages import clock_words, date_words
from shared.web.words import person_words

_ICONS = {
    Change.GRANTED: "circle-check",
    Change.DECLINED: "ban",
    Change.REVOKED: "pause-octagon",
    Change.CORRECTED: "pencil-line",
    Change.SUPERSEDED: "refresh-cw",
}
_OTHER = {Answer.NO: "No, says the patient", Answer.YES: "Yes, says the patient", Answer.UNKNOWN: "The patient is not sure"}


def record_rows(desk: Speech, recorded: Recorded) -> list[tuple[str, str]]:
    """Return names and values of a version's fields, in the order of the record."""
    consent, said = recorded.consent, recorded.consent.statement
    kept = parse(recorded.accepted.kept.encode())
    zone = desk.zone
    given = f"{desk.day(said.given_at)}, {clock_words(said.given_at, zone, seconds=True)} {said.given_at.astimezone(zone):%Z}"
    practitioner = desk.name_of(said.practitioner)
    rows = [
        ("Program", said.program.value.upper()),
        ("Practitioner", f"{practitioner}, NPI {said.practitioner.npi}" if said.practitioner.npi else practitioner),
        ("Practice", (kept.get("organization") or [{}])[0].get("display") or desk.practice_name),
        ("Given" if said.agreed else "Declined", given),
        ("By", _by(said.by_representative, said.authority, kept)),
        ("Method", METHODS[said.method]),
        ("Identity", _identity(kept)),
        ("Obtained by", person_words(desk.name_of(said.obtained_by), said.obtained_by.credential)),
        *((TOPICS[code], _told(consent, code)) for code in DisclosureCode),
        ("Other practice", _other_practice(consent)),
        ("Script", _script(consent)),
        ("Interpreter", said.script.interpreter or "None recorded"),
    ]
    if said.decline_reason:
        rows.append(("Reason", said.decline_reason))
    if said.agreed:
        rows += [("In force from", desk.when(said.starts_at)), ("Until", _until(consent))]
    return rows + _ends(desk, consent) + _trail(desk, recorded)


def attached_to(recorded: Recorded) -> UUID | None:
    """Return the id of the signature or scan that a version names, if we keep it."""
    attached = parse(recorded.accepted.kept.encode()).get("sourceAttachment", {})
    _, ours, ident = attached.get("url", "").rpartition("/consent/documents/")
    try:
        return UUID(ident) if ours else None
    except ValueError:
        return None


def document_of(recorded: Recorded) -> Row | None:
    """Return how a page offers the signature or scan of a version, if we keep it."""
    ident = attached_to(recorded)
    if ident is None:
        return None
    attached = parse(recorded.accepted.kept.encode())["sourceAttachment"]
    kind = attached.get("contentType", "").partition("/")[2].upper()
    return {
        "path": f"consent/documents/{ident}",
        "words": f"{'Scan' if kind == 'PDF' else 'Picture'} ({kind})",
        "name": f"consent.{kind.lower()}",
    }


def event_row(desk: Speech, recorded: Recorded, before: Recorded | None) -> Row:
    """Return one line of the history: what happened, when it was recorded and by whom."""
    consent, said = recorded.consent, recorded.consent.statement
    whom = program_with(said.program, desk.name_of(said.practitioner))
    by = person_words(desk.name_of(said.obtained_by), said.obtained_by.credential)
    script = (
        f"Script {said.script.version}, {LANGUAGES.get(said.script.language or '', said.script.language or '')}."
        if said.script.version
        else ""
    )
    recorded_words = f"Recorded {desk.when(consent.recorded_at)} by {desk.who_of(consent.recorded_by)}."
    if consent.change is Change.GRANTED:
        what, text = "Granted", f"for {whom}"
        when = f"{desk.when(said.given_at)}, {METHODS[said.method].lower()}, by {by}. {script} {told_words(consent)}"
    elif consent.change is Change.DECLINED:
        what, text = "Declined", f"for {whom}: {said.decline_reason}"
        when = f"{desk.when(said.given_at)}, {METHODS[said.method].lower()}, to {by}. {script}"
    elif consent.change is Change.REVOKED and consent.revocation:
        stop = consent.revocation
        what, text = "Revoked", f"for {whom}; billable to {date_words(stop.effective)}"
        when = f"Received {desk.when(stop.received_at)}, {stop.channel.lower()}. {recorded_words}"
    elif consent.change is Change.SUPERSEDED:
        what, text = "Superseded", f"for {whom}, by a later statement of the patient"
        when = recorded_words
    else:
        what, text = "Corrected", _corrections(desk, consent, before.consent if before else None)
        when = f"{recorded_words} “{consent.change_reason}”"
    late = " Late: its month was closed." if recorded.late else ""
    return {
        "icon": _ICONS[consent.change],
        "what": what,
        "text": text,
        "when": f"{' '.join(when.split())}{late}",
        "query": f"record={consent.id}&version={consent.version}",
        "document": document_of(recorded),
    }


def _corrections(desk: Speech, consent: Consent, before: Consent | None) -> str:
    if consent.status is Status.ENTERED_IN_ERROR:
        return "entered in error; it never held"
    if before is None:
        return "the record"
    now, then = consent.statement, before.statement
    found = []
    if now.by_representative != then.by_representative:
        found.append("a representative answered" if now.by_representative else "the patient answered, not a representative")
    if now.given_at != then.given_at:
        found.append(f"given {desk.when(now.given_at)}, not {desk.when(then.given_at)}")
    if now.disclosures != then.disclosures:
        found.append(told_words(consent)[:-1].lower())
    if now.other_practice != then.other_practice:
        found.append("the answer about another practice")
    if consent.in_force_until != before.in_force_until:
        found.append(f"until {consent.in_force_until}" if consent.in_force_until else "no last day")
    return "; ".join(found) or "the record"


def _by(represented: bool, authority: str | None, kept: dict[str, Any]) -> str:
    if not represented:
        return "The patient"
    name = (kept.get("performer") or [{}])[0].get("display")
    return ", ".join(part for part in ("A representative", name, authority) if part)


def _identity(kept: dict[str, Any]) -> str:
    checks = [one["valueCode"] for one in extensions(kept, profile.IDENTITY_CHECK)]
    if checks:
        return ", ".join(IDENTITY_CHECKS.get(check, check) for check in checks)
    return "Verified" if kept.get("verification") else "By the signature" if kept.get("sourceAttachment") else "Not recorded"


def _told(consent: Consent, code: DisclosureCode) -> str:
    told = consent.statement.disclosures.get(code)
    return "Not recorded" if told is None else "Told" if told else "Not told"


def _other_practice(consent: Consent) -> str:
    said = consent.statement
    if said.other_practice is None:
        return "Not asked"
    return ": ".join(part for part in (_OTHER[said.other_practice], said.other_practice_name) if part)


def _script(consent: Consent) -> str:
    script = consent.statement.script
    if not script.version:
        return script.uri
    return f"Version {script.version}, {LANGUAGES.get(script.language or '', script.language or 'language not recorded')}"


def script_address(consent: Consent) -> str:
    """Return where the exact words are, if they are ours."""
    script = consent.statement.script
    return script.uri if script.version and wording(script.version, script.language or "") and "/scripts/" in script.uri else ""


def _until(consent: Consent) -> str:
    if consent.in_force_until is None:
        return "Revoked, or the practitioner changes"
    return f"{date_words(consent.in_force_until)}, the last billable day"


def _ends(desk: Speech, consent: Consent) -> list[tuple[str, str]]:
    rows = []
    if stop := consent.revocation:
        words = f"Received {desk.when(stop.received_at)}, {stop.channel.lower()}, recorded by {desk.who_of(stop.recorded_by)}"
        rows.append(("Revoked", words))
    if consent.superseded_by:
        rows.append(("Ended by", f"Consent {consent.superseded_by}"))
    return rows


def _trail(desk: Speech, recorded: Recorded) -> list[tuple[str, str]]:
    consent = recorded.consent
    kept = parse(recorded.accepted.kept.encode())
    rows = [("Recorded", f"{desk.when(consent.recorded_at)} by {desk.who_of(consent.recorded_by)}, version {consent.version}")]
    if consent.change_reason:
        rows.append(("Why changed", consent.change_reason))
    if extension(kept, profile.CHANGE_REASON, expression="Consent") and not consent.change_reason:
        rows.append(("Why changed", "Said in an earlier version"))
    if consent.statement.document_hash:
        rows.append(("Fingerprint", consent.statement.document_hash))
    if recorded.late:
        rows.append(("Late", "Its month was closed when this was written"))
    rows.append(("Number", str(consent.id)))
    return rows
