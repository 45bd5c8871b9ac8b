"""The tasks of the lesson `deadlock`."""
