"""Figures, remarks and verdicts, computed from repeats by pure functions."""
