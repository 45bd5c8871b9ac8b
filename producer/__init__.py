"""How work is SUBMITTED and COLLECTED: plans, bulk submission, records, the ledger, statistics."""
