"""Access's conformance resources as FHIR R4: what this base can do, our profiles, extensions, codes and parameters. Pure."""
