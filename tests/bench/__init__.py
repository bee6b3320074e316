"""The measures: each a ratio to a baseline that is interleaved in the same run. `python -m tests.bench [NAME …]`"""
