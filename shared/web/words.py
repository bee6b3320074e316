"""What the pages call our codes: the same words in every service."""

from shared.kernel.vocabulary import Activity, PerformerRole, Program

ACTIVITIES = {
    Activity.PATIENT_CONTACT: "Call with patient",
    Activity.CAREGIVER_CONTACT: "Call with caregiver",
    Activity.CARE_COORDINATION: "Care coordination",
    Activity.MEDICATION_MANAGEMENT: "Medication review",
    Activity.CHART_REVIEW: "Review of records",
    Activity.RESULT_REVIEW: "Review of results",
    Activity.CARE_PLAN: "Care plan",
    Activity.CARE_TRANSITION: "Care transition",
    Activity.EDUCATION: "Education",
    Activity.COMMUNITY_RESOURCES: "Community resources",
    Activity.OUTREACH_ATTEMPT: "Attempt, nobody reached",
    Activity.PRIOR_AUTHORIZATION: "Prior authorization",
    Activity.CLERICAL_REFILL: "Refill, clerical",
    Activity.SCHEDULING: "Scheduling",
    Activity.CLERICAL: "Clerical work",
    Activity.BILLING_WORK: "Billing work",
    Activity.AUTOMATED: "Automated",
}
"""In the order in which a care manager is likely to need them."""

CREDENTIALS = {
    PerformerRole.PHYSICIAN: "physician",
    PerformerRole.NURSE_PRACTITIONER: "NP",
    PerformerRole.PHYSICIAN_ASSISTANT: "PA",
    PerformerRole.CLINICAL_NURSE_SPECIALIST: "CNS",
    PerformerRole.NURSE_MIDWIFE: "nurse-midwife",
    PerformerRole.REGISTERED_NURSE: "RN",
    PerformerRole.LICENSED_PRACTICAL_NURSE: "LPN",
    PerformerRole.MEDICAL_ASSISTANT: "MA",
    PerformerRole.PHARMACIST: "pharmacist",
    PerformerRole.SOCIAL_WORKER: "social worker",
    PerformerRole.DIETITIAN: "dietitian",
    PerformerRole.COMMUNITY_HEALTH_WORKER: "CHW",
    PerformerRole.NON_CLINICAL: "front desk",
    PerformerRole.SOFTWARE: "software",
}


def activity_words(code: str) -> str:
    """Return what the pages call an activity."""
    return ACTIVITIES[Activity(code)]


def program_words(code: str) -> str:
    """Return what the pages call a program: `CCM`."""
    return Program(code).value.upper()


def person_words(name: str | None, credential: str | None) -> str:
    """Say who somebody is: `Dana Whitfield, RN`; a credential that is not ours is said as it is, one in the name not twice."""
    known = next((words for code, words in CREDENTIALS.items() if code == credential), credential)
    if name and known and name.endswith(f", {known}"):
        return name
    return ", ".join(part for part in (name or "not named", known) if part)
