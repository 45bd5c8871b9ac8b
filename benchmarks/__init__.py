"""Benchmarks: each prints its settings, compares in turn within one run, and gives ratios."""
