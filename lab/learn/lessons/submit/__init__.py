"""The lesson `submit`."""
