"""The lesson `free_threading`."""
