"""Benchmarks of Poolwise itself; each prints its settings before its results."""
