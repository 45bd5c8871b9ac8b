"""The tasks of the lesson `free-threading`."""
