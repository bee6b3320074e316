"""What the front door does."""
