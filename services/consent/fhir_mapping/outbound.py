"""A Consent as we answer it: what was kept, with what the domain and the server know better."""

from copy import deepcopy
from typing import Any

from services.consent.domain.consent import Consent, Revocation, Status
from services.consent.fhir_mapping import profile
from services.consent.fhir_mapping.profile import Bases
from shared.fhir.json_text import walk
from shared.fhir.profile import extension_url
from shared.fhir.provenance import Agent, provenance, provenance_id, recorder
from shared.fhir.references import ehr_reference
from shared.fhir.times import instant_text


def write_consent(consent: Consent, kept: dict[str, Any], bases: Bases) -> dict[str, Any]:
    """Return the resource of a version: `kept` is what was accepted, with relative references (`inbound.Inbound.resource`)."""
    resource = deepcopy(kept)
    for _, value in walk(resource):
        if isinstance(value, dict) and isinstance(value.get("reference"), str):
            _make_absolute(value, bases)
    identifiers = [one for one in resource["identifier"] if one.get("system") != profile.IDENTIFIER_SYSTEM]
    extensions = [one for one in resource.get("extension", ()) if one["url"] not in profile.OURS_TO_WRITE]
    extensions += _own_extensions(consent, bases)
    resource["identifier"] = [{"system": profile.IDENTIFIER_SYSTEM, "value": str(consent.id)}, *identifiers]
    resource["status"] = consent.status.value
    resource["extension"] = extensions
    if "period" in resource["provision"] and consent.statement.agreed:
        resource["provision"]["period"].pop("end", None)
        if consent.in_force_until:
            resource["provision"]["period"]["end"] = consent.in_force_until.isoformat()
    meta = resource.pop("meta", {})
    profiles = [url for url in meta.get("profile", ()) if url.partition("|")[0] != profile.PROFILE]
    meta |= {
        "versionId": str(consent.version),
        "lastUpdated": instant_text(consent.recorded_at),
        "profile": [profile.PROFILE, *profiles],
    }
    del resource["resourceType"]
    resource.pop("id", None)
    return {"resourceType": "Consent", "id": str(consent.id), "meta": meta, **resource}


def write_provenance(consent: Consent, bases: Bases) -> dict[str, Any]:
    """Return who made a version, when and why: who entered it, and for the first version who obtained the consent."""
    agents = [recorder(consent.recorded_by)]
    if consent.version == 1:
        agents.append(Agent(ehr_reference(bases.ehr, "Practitioner", consent.statement.obtained_by.id)))
    operation = "CREATE" if consent.version == 1 else "NULLIFY" if consent.status is Status.ENTERED_IN_ERROR else "UPDATE"
    return provenance(
        provenance_id("c", consent.id, consent.version),
        f"Consent/{consent.id}/_history/{consent.version}",
        consent.recorded_at,
        agents,
        operation=operation,
        reason_text=consent.change_reason,
    )


def _make_absolute(reference: dict[str, Any], bases: Bases) -> None:
    kind, _, ident = reference["reference"].partition("/")
    if kind not in profile.OWN_TYPES:
        reference |= ehr_reference(bases.ehr, kind, ident)


def _own_extensions(consent: Consent, bases: Bases) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if consent.revocation:
        found.append(_revocation(consent.revocation, bases))
    if consent.superseded_by:
        reference = {"reference": f"Consent/{consent.superseded_by}", "type": "Consent"}
        found.append({"url": extension_url(profile.SUPERSEDED_BY), "valueReference": reference})
    if consent.change_reason:
        found.append({"url": extension_url(profile.CHANGE_REASON), "valueString": consent.change_reason})
    return found


def _revocation(revocation: Revocation, bases: Bases) -> dict[str, Any]:
    return {
        "url": extension_url(profile.REVOCATION),
        "extension": [
            {"url": "received-at", "valueDateTime": instant_text(revocation.received_at)},
            {"url": "channel", "valueString": revocation.channel},
            {"url": "recorded-by", "valueReference": ehr_reference(bases.ehr, "Practitioner", revocation.recorded_by)},
            {"url": "effective", "valueDate": revocation.effective.isoformat()},
        ],
    }
