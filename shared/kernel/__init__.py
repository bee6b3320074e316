"""Ids, time, months, intervals and refusals: plain Python that everything may import."""
