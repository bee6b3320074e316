"""Consent as FHIR R4: `profile` names the elements, `inbound` reads a resource, `outbound` writes one. Pure, both ways."""
