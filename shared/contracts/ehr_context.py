"""Owner: access. `ccm.ehr-context.observed.v1`: what the EHR said at a launch, so that nothing recorded comes from a browser."""

from datetime import date

from shared.contracts.base import Instant, Payload, Person

TYPES = ("ccm.ehr-context.observed.v1",)


class ChartProblem(Payload):
    """A problem of the chart: the EHR's Condition id, its codes (system|code) and its words."""

    condition: str
    codes: tuple[str, ...] = ()
    text: str
    active: bool = True


class ChartCoverage(Payload):
    """A coverage of the chart: the EHR's id, payer's name, type code (system|code)."""

    coverage: str
    payer: str | None = None
    type: str | None = None
    active: bool = True


class EhrContextState(Payload):
    """A patient's chart as the EHR showed it at a launch; the aggregate is the patient, whole, at a version.

    `identifier` is the MRN. A part that was not granted is None: not known, which is not the same as empty.
    """

    patient: str
    version: int
    observed_at: Instant
    observed_by: Person
    name: str
    birth_date: date | None = None
    identifier: str | None = None
    identifier_system: str | None = None
    language: str | None = None
    deceased: bool | None = None
    problems: tuple[ChartProblem, ...] | None = None
    coverages: tuple[ChartCoverage, ...] | None = None
