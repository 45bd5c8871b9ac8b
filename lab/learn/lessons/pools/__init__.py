"""The lesson `pools`."""
