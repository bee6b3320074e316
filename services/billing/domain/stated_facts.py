"""Attestations that stand in for a fact of the chart or the payer: a stay, a death, a disclosure, the rules of a plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.billing.domain.attestations import PLAN_VERDICTS, AttestationKind
from services.billing.domain.ledger import Attestation, ConsentFact, Encounter, EncounterKind, Ledger, Patient
from shared.kernel.calendar_month import CalendarMonth

_STAND_IN = frozenset((AttestationKind.INSTITUTIONAL_STAY, AttestationKind.DEATH))
_PLAN_ROWS = {"transitional_care": "28", "remote_monitoring": "29"}


def with_stated_facts(ledger: Ledger, zone: ZoneInfo) -> Ledger:
    """Return the ledger with the stays and the death that somebody attested in place of the attestations (T19, T22)."""
    if _STAND_IN.isdisjoint([said.kind for said in ledger.attestations]):
        return ledger
    stays = [_stay(said, zone) for said in ledger.attestations if said.kind is AttestationKind.INSTITUTIONAL_STAY]
    patient = ledger.patient
    for said in sorted((a for a in ledger.attestations if a.kind is AttestationKind.DEATH), key=_order):
        patient = _died(patient, said, zone)
    return replace(
        ledger,
        patient=patient,
        encounters=(*ledger.encounters, *stays),
        attestations=tuple(a for a in ledger.attestations if a.kind is not AttestationKind.INSTITUTIONAL_STAY),
    )


def _stay(said: Attestation, zone: ZoneInfo) -> Encounter:
    value: Mapping[str, Any] = said.value
    start, end = value.get("start"), value.get("end")
    return Encounter(
        source=said.source,
        digest=said.digest,
        recorded_at=said.recorded_at,
        encounter_id=said.attestation_id,
        kind=EncounterKind(value["stay"]),
        start=start,
        end=end,
        start_day=start.astimezone(zone).date() if start else value["start_day"],
        end_day=end.astimezone(zone).date() if end else value.get("end_day"),
        own_practice=False,
    )


def _died(patient: Patient, said: Attestation, zone: ZoneInfo) -> Patient:
    """R11: of two days the earlier, of one day whoever knows the hour, else the chart."""
    at, day = said.value.get("at"), said.value["day"]
    if isinstance(at, datetime):
        day = at.astimezone(zone).date()
    known = patient.died_on if patient.died_at is None else patient.died_at.astimezone(zone).date()
    if not isinstance(day, date) or (known is not None and (known < day or (known == day and (patient.died_at or at is None)))):
        return patient
    return replace(
        patient,
        died_at=at if isinstance(at, datetime) else None,
        died_on=None if isinstance(at, datetime) else day,
        death_source=said.source,
    )


def told_from_the_start(consent: ConsentFact, told: Sequence[Attestation]) -> ConsentFact:
    """Return the consent with what was told no later than it was given, though recorded elsewhere (R15)."""
    codes = {code for a in told if _told_at(a) <= consent.given_at for code in codes_of(a)}
    return replace(consent, disclosed=consent.disclosed | codes) if codes else consent


def told_afterwards(consent: ConsentFact, told: Sequence[Attestation]) -> Iterable[tuple[datetime, Attestation, ConsentFact]]:
    """Yield the instants after the giving at which something more was told, and the consent as it stands from then on."""
    for attestation in sorted((a for a in told if _told_at(a) > consent.given_at), key=lambda a: (_told_at(a), *_order(a))):
        consent = replace(consent, disclosed=consent.disclosed | codes_of(attestation))
        yield _told_at(attestation), attestation, consent


def disclosures_of(consent: ConsentFact, told: Iterable[Attestation]) -> list[Attestation]:
    """Return the disclosures that were attested of a consent."""
    return [a for a in told if a.value.get("consent") == consent.consent_id]


def codes_of(told: Attestation) -> frozenset[str]:
    """Return what a disclosure says was told."""
    codes = told.value["codes"]
    return frozenset(codes) if isinstance(codes, tuple) else frozenset()


def plan_answers(attestations: Iterable[Attestation], month: CalendarMonth) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return plan → profile, and the profiles that answers with switches of their own make, as of the month's last day.

    The profiles are in the form of a tenant's `payers:` part (`RuleBook.with_profiles`). The latest answer of a plan stands.
    """
    day = month.last_day
    plans: dict[str, str] = {}
    profiles: dict[str, dict[str, Any]] = {}
    standing = [
        a
        for a in attestations
        if a.kind is AttestationKind.PLAN_RULES and a.effective <= day and (a.until is None or day <= a.until)
    ]
    for said in sorted(standing, key=_order):
        plan, like = str(said.value["plan"]), str(said.value["like"])
        answer = _switches(said)
        profiles.pop(f"plan:{plan}", None)
        if answer:
            profiles[f"plan:{plan}"] = {"extends": like, "evidence": str(said.value["evidence"]), **answer}
        plans[plan] = f"plan:{plan}" if answer else like
    return plans, profiles


def _switches(said: Attestation) -> dict[str, Any]:
    """Return what an answer sets beside the profile that the plan is like (rows 5, 6, 28, 29 and 47; A4)."""
    value: Mapping[str, Any] = said.value
    answer: dict[str, Any] = {}
    severity = {row: PLAN_VERDICTS[value[name]] for name, row in _PLAN_ROWS.items() if name in value}
    parameters: dict[str, Any] = {}
    if "written_consent" in value:
        severity["5"] = "H" if value["written_consent"] else "i"
    if "consent_renewal_months" in value:
        months = value["consent_renewal_months"]
        severity["6"] = "H" if months else "-"
        parameters |= {"consent.renewal.months": months} if months else {}
    if "diagnoses_min" in value:
        parameters["claim.diagnoses.min"] = value["diagnoses_min"]
    if "covers" in value:
        answer["covers"] = "yes" if value["covers"] else "no"
    return answer | ({"severity": severity} if severity else {}) | ({"parameters": parameters} if parameters else {})


def _told_at(told: Attestation) -> datetime:
    at = told.value["told_at"]
    return at if isinstance(at, datetime) else told.signed_at


def _order(said: Attestation) -> tuple[date, datetime, str]:
    return said.effective, said.signed_at, said.attestation_id
