"""Whose data a resource holds: the patients and resources that an answer discloses."""

from collections.abc import Mapping
from typing import Any

_SUBJECT = {"Consent": "patient", "Task": "for", "ChargeItem": "subject"}


def subjects_of(resource: Mapping[str, Any], patients: set[str], resources: set[str]) -> None:
    """Add the EHR ids of the patients whom `resource`, or a resource in it, concerns, and relative references to those resources.

    A Provenance is its target's; its patient is not in it.
    """
    kind = resource.get("resourceType")
    if kind == "Bundle":
        for entry in resource.get("entry", ()):
            subjects_of(entry.get("resource", {}), patients, resources)
        return
    if kind in _SUBJECT:
        reference = resource.get(_SUBJECT[kind], {}).get("reference", "")
        if "Patient/" in reference:
            patients.add(reference.rpartition("Patient/")[2])
    if kind in _SUBJECT or kind == "Provenance":
        resources.add(f"{kind}/{resource.get('id', '')}")
