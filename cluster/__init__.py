"""Runs the broker, workers and Flower as processes on this machine."""
