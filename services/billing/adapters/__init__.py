"""Billing's doors to files, databases and the EHR."""
