"""The month's decision: facts of one patient and a rule book in, planned charges and findings out. Plain Python."""
