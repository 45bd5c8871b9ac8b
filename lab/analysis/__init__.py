"""From repeats to figures, remarks and a verdict: pure functions."""
