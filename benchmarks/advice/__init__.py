"""Compares the advice for the projects in `examples/` with a measurement of all candidates."""
