"""Tests of `worker/` on real workers and a real broker."""
