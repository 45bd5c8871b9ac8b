"""Benchmarks: each prints its settings before its results, and compares within one run."""
