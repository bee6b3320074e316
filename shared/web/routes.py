"""The one route table: which part serves what. The embedded router and the proxy's configuration are made from it.

One FHIR base per tenant, `/t/{tenant}/fhir/R4`; a resource type belongs to one part, all else to access.
"""

RESOURCE_OWNERS = {"Consent": "consent", "Task": "timetrack", "ChargeItem": "billing"}
PROVENANCE_PREFIXES = {"c": "consent", "t": "timetrack", "b": "billing"}
AREA_OWNERS = {"consent": "consent", "time": "timetrack", "billing": "billing", "cds-services": "billing"}
DEFAULT_OWNER = "access"

FHIR_BASE = "/t/{tenant}/fhir/R4"


def owner_of(path: str) -> str:
    """Return which part serves `path` (decoded, as in the ASGI scope). A mistake here can only end in a 404."""
    steps = path.split("/")
    if len(steps) < 4 or steps[1] != "t":
        return DEFAULT_OWNER
    if steps[3] == "fhir":
        kind = steps[5] if len(steps) > 5 else ""
        if kind == "Provenance" and len(steps) > 6:
            return PROVENANCE_PREFIXES.get(steps[6].split("-", 1)[0], DEFAULT_OWNER)
        return RESOURCE_OWNERS.get(kind, DEFAULT_OWNER)
    if steps[3] == "app":
        return AREA_OWNERS.get(steps[4] if len(steps) > 4 else "", DEFAULT_OWNER)
    return AREA_OWNERS.get(steps[3], DEFAULT_OWNER)


def fhir_base(public_url: str, tenant: str) -> str:
    """Return the absolute FHIR base of `tenant`: also the audience of its access tokens."""
    return f"{public_url}/t/{tenant}/fhir/R4"


def app_base(public_url: str, tenant: str) -> str:
    """Return the absolute base of `tenant`'s pages: also the audience of page tokens."""
    return f"{public_url}/t/{tenant}/app"
