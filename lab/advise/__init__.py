"""Advice on a task of the user's own: which pool, how many slots, at what cost."""
