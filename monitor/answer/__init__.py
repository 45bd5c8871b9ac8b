"""What does the page show? Computes its data from the history: pure functions."""
