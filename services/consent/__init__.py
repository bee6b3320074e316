"""Consent: what a patient agreed to, declined and stopped, for a program and a billing practitioner."""
