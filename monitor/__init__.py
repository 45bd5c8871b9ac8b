"""Flower, configured and extended with the Throughput page."""
