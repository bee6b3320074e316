"""How others sign what they send to us: the algorithms that we accept (SMART App Launch, CDS Hooks: RS384 and ES384)."""

KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}
"""The signature algorithms that we accept, each with the type of its key."""
