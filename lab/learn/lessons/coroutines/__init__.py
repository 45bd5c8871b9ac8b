"""The lesson `coroutines`."""
