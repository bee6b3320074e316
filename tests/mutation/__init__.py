"""Mutations of billing's domain against its cases: which small wrong changes nothing notices."""
