"""Unit tests of kombu_lease."""
