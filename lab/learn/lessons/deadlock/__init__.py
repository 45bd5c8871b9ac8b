"""The lesson `deadlock`."""
