"""The front door's addresses."""
