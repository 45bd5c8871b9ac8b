"""The lesson `hybrid`."""
