"""Tests of what happens to the messages of a worker that dies."""
