"""Rows, transactions and the EHR: the ports made real."""
