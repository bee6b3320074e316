"""The wire: HTTP and FHIR as they are told in standards.md 3, and counterparts that we did not write."""
