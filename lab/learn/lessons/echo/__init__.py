"""The lesson `echo`."""
