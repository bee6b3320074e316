"""Rows, transactions and the EHR."""
