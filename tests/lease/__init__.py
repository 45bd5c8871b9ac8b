"""Tests of kombu_lease with real workers and servers, which are killed, stopped and cut off."""
