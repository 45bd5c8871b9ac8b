"""Measures parts of Poolwise by themselves; each prints its settings before its results."""
