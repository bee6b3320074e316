"""A time entry as a FHIR R4 Task, both ways (integration.md 13.2): pure, tested by round trip."""
