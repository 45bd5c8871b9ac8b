"""The lesson `gil`."""
