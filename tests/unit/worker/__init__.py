"""Tests of `worker/` that start no process."""
