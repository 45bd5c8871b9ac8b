"""Observation of running workers: options, sampling, figures, terminal output."""
