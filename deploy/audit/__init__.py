"""What we are made of: a bill of materials of the lock, and an audit of it that notices when it cannot see."""
