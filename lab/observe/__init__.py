"""Observation of running workers: options, sampling, findings, terminal output."""
