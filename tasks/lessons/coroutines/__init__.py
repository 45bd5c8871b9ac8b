"""The tasks of the lesson `coroutines`."""
