"""Tests of kombu_lease with real workers and a real server, which are killed, stopped and cut off."""
