"""Measures one candidate: starts its workers, and counts what they run."""
