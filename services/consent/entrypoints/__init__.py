"""The doors: FHIR, REST and events."""
