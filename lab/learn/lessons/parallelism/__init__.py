"""The lesson `parallelism`."""
