"""Time at work for patients: entries, timers and the staff roster."""
