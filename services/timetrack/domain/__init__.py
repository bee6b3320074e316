"""Plain Python: what a time entry, a timer and a staff member are, and what each may become."""
