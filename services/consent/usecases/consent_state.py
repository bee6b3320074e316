"""A consent as the other services are told of it: the payload of `ccm.consent.*.v1`."""

from services.consent.domain.consent import Consent, Person
from shared.contracts import consent as contract
from shared.contracts.base import Person as PersonState


def consent_state(consent: Consent) -> contract.ConsentState:
    """Return the whole state of a version."""
    said, stop, script = consent.statement, consent.revocation, consent.statement.script
    return contract.ConsentState(
        consent_id=str(consent.id),
        version=consent.version,
        patient=said.patient,
        program=said.program,
        practitioner=_person(said.practitioner),
        status=consent.status.value,
        change=consent.change.value,
        method=said.method.value,
        given_at=said.given_at,
        recorded_at=consent.recorded_at,
        first_recorded_at=consent.first_recorded_at,
        recorded_by=consent.recorded_by,
        obtained_by=_person(said.obtained_by),
        consenting_party="representative" if said.by_representative else "patient",
        authority=said.authority,
        disclosures={code.value: given for code, given in said.disclosures.items()},
        script=contract.Script(uri=script.uri, version=script.version, language=script.language, interpreter=script.interpreter),
        in_force_from=said.starts_at,
        in_force_until=consent.in_force_until,
        decline_reason=said.decline_reason,
        other_practice=said.other_practice.value if said.other_practice else None,
        other_practice_name=said.other_practice_name,
        revocation=contract.Revocation(
            received_at=stop.received_at, channel=stop.channel, recorded_by=stop.recorded_by, effective=stop.effective
        )
        if stop
        else None,
        superseded_by=str(consent.superseded_by) if consent.superseded_by else None,
        document_hash=said.document_hash,
        change_reason=consent.change_reason,
    )


def _person(person: Person) -> PersonState:
    return PersonState(id=person.id, npi=person.npi, name=person.name, credential=person.credential)
