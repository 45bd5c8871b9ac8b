"""The tasks of the lesson `io-models`."""
