"""What the front door decides, as plain Python."""
