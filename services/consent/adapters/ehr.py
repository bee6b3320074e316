"""The practice's EHR as consent asks it: does it have the patient?"""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.consent.adapters.tables import PATIENT_MENTION
from shared.kernel.clock import Clock
from shared.smart import patients
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry

SCOPE = patients.SCOPE


class EhrPatients(patients.EhrPatients):
    """Fills `usecases.ports.Patients`, remembering in this service's own table."""

    def __init__(self, engine: AsyncEngine, tokens: EhrTokens, registry: Registry, clock: Clock) -> None:
        super().__init__(engine, PATIENT_MENTION, tokens, registry, clock)
