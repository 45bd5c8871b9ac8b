"""The lesson `io_models`."""
