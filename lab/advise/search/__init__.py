"""Chooses which candidates to measure next, within the time that the user gave."""
