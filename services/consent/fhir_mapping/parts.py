"""The complex extensions of the profile: an extension whose parts are extensions with plain URLs."""

from dataclasses import dataclass
from typing import Any

from shared.fhir.profile import extension, extension_place, part
from shared.kernel.errors import Invalid


@dataclass(frozen=True)
class Parts:
    """A complex extension of ours: its parts by their plain URLs."""

    name: str
    body: dict[str, Any]

    @classmethod
    def of(cls, resource: dict[str, Any], name: str) -> "Parts | None":
        """Return the extension `name` of the resource, or None."""
        body = extension(resource, name, expression="Consent")
        return cls(name, body) if body else None

    def get(self, name: str, kind: str) -> Any:
        """Return the value of a part, None if it is not there; Invalid if it has no value of type `kind` (`valueCode` …)."""
        found = part(self.body, name, expression=extension_place("Consent", self.name, "extension"))
        if found is not None and kind not in found:
            raise Invalid(f"has no {kind}", rule="profile-value", expression=self.where(name, kind))
        return found[kind] if found else None

    def need(self, name: str, kind: str) -> Any:
        """Return the value of a part that must be there; Invalid if it is not."""
        value = self.get(name, kind)
        if value is None:
            raise Invalid(f"{name} is required", rule="profile-required", expression=self.where(name, kind))
        return value

    def where(self, name: str, kind: str) -> str:
        """Return the place of a part."""
        return extension_place("Consent", self.name, f"extension('{name}').{kind}")


def missing(name: str) -> Invalid:
    """Return the refusal of a resource without our extension `name`."""
    place_of_it = extension_place("Consent", name, "value")
    return Invalid(f"the extension {name} is required", rule="profile-required", expression=place_of_it)
