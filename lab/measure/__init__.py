"""Measuring: how fast the machine is, what is run, and one repeat of it."""
