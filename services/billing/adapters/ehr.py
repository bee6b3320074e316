"""The practice's EHR as billing reads it: a SMART backend client with the least scope that a month's decision needs."""

from collections.abc import Mapping
from typing import Any

from services.billing.adapters.ehr_facts import PROGRAM_SYSTEM, reference_id
from services.billing.domain.findings import ASSEMBLED
from shared.fhir.client import EhrUnavailable, FhirClient
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry

SCOPE = "system/Patient.r system/Condition.rs system/Coverage.rs system/Encounter.rs system/CarePlan.rs system/EpisodeOfCare.rs"
_SEARCHED = ("Condition", "Coverage", "Encounter", "CarePlan", "EpisodeOfCare")


class EhrChart:
    """The EHR of one tenant; fills `usecases.ports.Chart`."""

    def __init__(self, tokens: EhrTokens, registry: Registry, tenant: str) -> None:
        self._tokens = tokens
        self._registry = registry
        self._tenant = tenant

    async def of_patient(self, patient: str) -> list[Mapping[str, Any]]:
        """Return the patient and all that billing reads of them; nothing if the EHR has no such patient (404)."""
        client = await self._client()
        found = await client.read("Patient", patient)
        if found is None:
            return []
        resources: list[Mapping[str, Any]] = [found.resource]
        for kind in _SEARCHED:
            found_all = await client.search(kind, {"patient": patient, "_count": "200"}, patient=patient)
            resources += [each.resource for each in found_all]
        return resources

    async def enrolled(self) -> list[str]:
        """Return the patients of the active episodes of programs that are assembled; the EHR's own filter is not trusted."""
        client = await self._client()
        programs = ",".join(f"{PROGRAM_SYSTEM}|{program}" for program in ASSEMBLED)
        query = {"status": "active", "type": programs, "_count": "200"}
        episodes = [each.resource for each in await client.search("EpisodeOfCare", query)]
        patients = (reference_id(episode.get("patient", {}), "Patient") for episode in episodes if _is_assembled(episode))
        return sorted({patient for patient in patients if patient is not None})

    async def _client(self) -> FhirClient:
        state = await self._registry.tenant(self._tenant)
        if state is None:
            raise EhrUnavailable("the practice's settings are not known yet")
        return self._tokens.client(state.document.ehr)


def _is_assembled(episode: Mapping[str, Any]) -> bool:
    codings = (coding for concept in episode.get("type", ()) for coding in concept.get("coding", ()))
    return any(coding.get("system") == PROGRAM_SYSTEM and coding.get("code") in ASSEMBLED for coding in codings)
