"""Submits load and collects its records: plans, bulk submission, the ledger, statistics."""
