"""The front door: tenants, clients and their grants, keys, tokens, discovery and the conformance resources. No care data."""
