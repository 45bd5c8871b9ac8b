"""The race: every workload on every pool."""
