"""How tasks run: the pool table, preflight checks, the probe and the pool switch."""
