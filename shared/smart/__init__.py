"""SMART on FHIR: tokens verified, scopes understood, the registry of tenants and clients, and our sign-in at EHRs."""
