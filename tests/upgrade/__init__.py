"""A data folder of an earlier state of main starts under this one with its data (house 3.19, issue 8)."""
