"""How the world reaches timetrack: FHIR, REST, events."""
