"""Advice for a mix of tasks: one group of workers, or two that share the machine."""
