"""The public code systems of Careledger, each an enumeration: `{canonical}/CodeSystem/<name>`.

They are ours (shared/access publishes them as CodeSystems with the displays below); payer codes are not here but in
`services/billing/parameters`.
"""

from enum import StrEnum

CANONICAL = "https://careledger.example/fhir"
"""The one canonical root of our profiles, extensions and code systems."""


class Program(StrEnum):
    """Care-management programs that consent, time and charges name."""

    CCM = "ccm"
    PCM = "pcm"
    APCM = "apcm"
    TCM = "tcm"
    RPM = "rpm"
    RTM = "rtm"
    BHI = "bhi"
    COCM = "cocm"
    CHI = "chi"
    PIN = "pin"
    CPO = "cpo"
    CPM = "cpm"


class ConsentMethod(StrEnum):
    """How consent was given."""

    VERBAL = "verbal"
    WRITTEN = "written"
    ELECTRONIC = "electronic"


class DisclosureCode(StrEnum):
    """What the patient is told before agreeing (ccm-rules C1; scope of services and the rest are not required)."""

    AVAILABILITY = "availability"
    COST_SHARING = "cost-sharing"
    ONE_PRACTITIONER = "one-practitioner"
    RIGHT_TO_STOP = "right-to-stop"
    SCOPE_OF_SERVICES = "scope-of-services"


class PerformerRole(StrEnum):
    """In which credential somebody works (ccm-rules T9-T11, T28)."""

    PHYSICIAN = "physician"
    NURSE_PRACTITIONER = "nurse-practitioner"
    PHYSICIAN_ASSISTANT = "physician-assistant"
    CLINICAL_NURSE_SPECIALIST = "clinical-nurse-specialist"
    NURSE_MIDWIFE = "nurse-midwife"
    REGISTERED_NURSE = "registered-nurse"
    LICENSED_PRACTICAL_NURSE = "licensed-practical-nurse"
    MEDICAL_ASSISTANT = "medical-assistant"
    PHARMACIST = "pharmacist"
    SOCIAL_WORKER = "social-worker"
    DIETITIAN = "dietitian"
    COMMUNITY_HEALTH_WORKER = "community-health-worker"
    NON_CLINICAL = "non-clinical"
    SOFTWARE = "software"


class Activity(StrEnum):
    """What a stretch of time was spent on. Which of them count is a payer's rule (T10, T15, T16, T26, T29)."""

    PATIENT_CONTACT = "patient-contact"
    CAREGIVER_CONTACT = "caregiver-contact"
    CARE_PLAN = "care-plan"
    MEDICATION_MANAGEMENT = "medication-management"
    CARE_COORDINATION = "care-coordination"
    CARE_TRANSITION = "care-transition"
    RESULT_REVIEW = "result-review"
    CHART_REVIEW = "chart-review"
    EDUCATION = "education"
    COMMUNITY_RESOURCES = "community-resources"
    OUTREACH_ATTEMPT = "outreach-attempt"
    PRIOR_AUTHORIZATION = "prior-authorization"
    CLERICAL_REFILL = "clerical-refill"
    SCHEDULING = "scheduling"
    CLERICAL = "clerical"
    BILLING_WORK = "billing-work"
    AUTOMATED = "automated"


class TimeBasis(StrEnum):
    """How the seconds are known: by our clock, by our clock with idle time kept, or by somebody's statement."""

    MEASURED = "measured"
    MEASURED_WITH_GAP = "measured-with-gap"
    ASSERTED = "asserted"


class StaffRole(StrEnum):
    """What somebody may do in Careledger."""

    CLINICAL_STAFF = "clinical-staff"
    BILLING_PRACTITIONER = "billing-practitioner"
    BILLER = "biller"
    PROGRAM_LEAD = "program-lead"
    AUDITOR = "auditor"


class Lane(StrEnum):
    """Whose time a CCM month is charged for; only one lane per patient and month (ccm-rules 1a, X2, X3)."""

    CLINICAL_STAFF = "clinical_staff"
    COMPLEX = "complex"
    PRACTITIONER = "practitioner"
