"""The EHR's charts as filing uses them: who the patient is, and documents that are kept once."""

from services.consent.domain.consent import Consent
from services.consent.fhir_mapping.document_reference import document_reference, record_identifier
from services.consent.usecases.filing_ports import Face, Filing
from services.consent.usecases.ports import Practice
from shared.fhir.client import EhrRefused, EhrUnavailable, FhirClient
from shared.fhir.person import face_of
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry

SCOPE = "system/Patient.r system/DocumentReference.cs"
"""What is asked for to file; other processes of this service ask for less."""


class EhrCharts:
    """Fills `usecases.filing_ports.ChartDoor`."""

    def __init__(self, tokens: EhrTokens, registry: Registry) -> None:
        self._tokens = tokens
        self._registry = registry

    async def face(self, practice: Practice, patient: str) -> Face:
        """Read the Patient; EhrRefused if there is none."""
        found = await (await self._client(practice)).read("Patient", patient)
        if found is None:
            raise EhrRefused("404: the EHR has no such patient")
        face = face_of(found.resource)
        return Face(face.name, face.birth_date, face.number)

    async def file(self, filing: Filing, consent: Consent, content: bytes) -> str:
        """Create the DocumentReference, unless the EHR keeps it already."""
        client, mine = await self._client(filing.practice), record_identifier(consent)
        resource = document_reference(consent, content, replaces=filing.replaces)
        identifier = f"{mine['system']}|{mine['value']}"
        return await client.create("DocumentReference", resource, patient=filing.patient, identifier=identifier)

    async def _client(self, practice: Practice) -> FhirClient:
        state = await self._registry.tenant(practice.tenant)
        if state is None:
            raise EhrUnavailable("the practice's settings are not known")
        return self._tokens.client(state.document.ehr)
