"""HOW does it run: the pool table, preflight checks of worker flags, the probe."""
