"""The words that are read to the patient: our own, one point for each disclosure, in English and Spanish (ccm-rules C1).

A wording never changes once it is in use: a better one is a new version beside it.
"""

from dataclasses import dataclass
from datetime import date

from shared.kernel.vocabulary import DisclosureCode

REQUIRED = (
    DisclosureCode.AVAILABILITY,
    DisclosureCode.COST_SHARING,
    DisclosureCode.ONE_PRACTITIONER,
    DisclosureCode.RIGHT_TO_STOP,
)
"""What must be told before the patient agrees (C1); without it, time under the consent is held (R15)."""


@dataclass(frozen=True)
class Wording:
    """One script: `points` by disclosure, with `{practitioner}` to be read as the practitioner's name, then two questions.

    `topics` head the points. `draft`: nobody who speaks the language from birth, and no compliance officer, has read it yet.
    """

    version: str
    language: str
    in_use_since: date
    topics: dict[DisclosureCode, str]
    points: dict[DisclosureCode, str]
    other_practice: str
    question: str
    draft: bool = False


WORDINGS = (
    Wording(
        version="1",
        language="en",
        in_use_since=date(2026, 1, 1),
        topics={
            DisclosureCode.AVAILABILITY: "What it is",
            DisclosureCode.COST_SHARING: "Cost",
            DisclosureCode.ONE_PRACTITIONER: "One practitioner",
            DisclosureCode.RIGHT_TO_STOP: "Right to stop",
            DisclosureCode.SCOPE_OF_SERVICES: "What it covers",
        },
        points={
            DisclosureCode.AVAILABILITY: (
                "We can help you with your long-term conditions between visits. We keep a care plan with you, look after your "
                "medicines, and somebody answers day and night if it is urgent. This is called chronic care management."
            ),
            DisclosureCode.COST_SHARING: (
                "Medicare may ask you to pay a part, usually 20 percent after your deductible. Another insurance may cover it."
            ),
            DisclosureCode.ONE_PRACTITIONER: (
                "Only one practitioner can be paid for this in a month. For you that would be {practitioner}."
            ),
            DisclosureCode.RIGHT_TO_STOP: "You may stop whenever you like: tell us, and it ends with that month.",
            DisclosureCode.SCOPE_OF_SERVICES: "We have told you what the service covers and how to reach us.",
        },
        other_practice="Does another practice give you this service now?",
        question="Would you like this service?",
    ),
    Wording(
        version="1",
        language="es",
        in_use_since=date(2026, 1, 1),
        topics={
            DisclosureCode.AVAILABILITY: "Qué es",
            DisclosureCode.COST_SHARING: "Costo",
            DisclosureCode.ONE_PRACTITIONER: "Un solo profesional",
            DisclosureCode.RIGHT_TO_STOP: "Derecho a parar",
            DisclosureCode.SCOPE_OF_SERVICES: "Qué incluye",
        },
        points={
            DisclosureCode.AVAILABILITY: (
                "Podemos ayudarle con sus enfermedades crónicas entre una visita y otra. Llevamos con usted un plan de cuidado, "
                "revisamos sus medicinas y alguien le atiende de día y de noche si es urgente. Esto se llama manejo de cuidado "
                "crónico."
            ),
            DisclosureCode.COST_SHARING: (
                "Es posible que Medicare le cobre una parte, por lo general el 20 por ciento después del deducible. Otro seguro "
                "puede cubrirla."
            ),
            DisclosureCode.ONE_PRACTITIONER: (
                "Solo un profesional puede cobrar por este servicio en un mes. Para usted sería {practitioner}."
            ),
            DisclosureCode.RIGHT_TO_STOP: "Puede dejarlo cuando quiera: díganos, y termina con ese mes.",
            DisclosureCode.SCOPE_OF_SERVICES: "Le hemos explicado qué incluye el servicio y cómo comunicarse con nosotros.",
        },
        other_practice="¿Recibe ahora este servicio de otro consultorio?",
        question="¿Desea este servicio?",
        draft=True,
    ),
)


def wording(version: str, language: str) -> Wording | None:
    """Return the wording of that version and language, or None."""
    return next((found for found in WORDINGS if (found.version, found.language) == (version, language)), None)


def wording_path(tenant: str, found: Wording) -> str:
    """Return the path of a wording's public page below the deployment's public URL: what `Consent.policy.uri` names."""
    return f"/t/{tenant}/app/consent/scripts/{found.version}/{found.language}"
