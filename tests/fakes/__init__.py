"""Fakes that stand behind our ports, and the makers of a small world for tests."""
