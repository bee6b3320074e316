"""One way to the database: a tenant's transaction, the journal within it, and the roles that row-level security names."""
