"""The race, which runs every workload on every pool."""
