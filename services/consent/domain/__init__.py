"""What consent is: plain Python, no I/O, no clock."""
