"""Tests of the pages in a real browser: reports, and Flower with the Throughput page."""
