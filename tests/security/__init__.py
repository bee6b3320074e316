"""Proofs of issue 8: who may see what, which tokens count, what is limited, and what never leaves the database."""
