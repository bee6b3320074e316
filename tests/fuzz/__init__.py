"""Requests that no sensible client sends: nothing breaks, nothing is stored, each is answered (requirement 24)."""
