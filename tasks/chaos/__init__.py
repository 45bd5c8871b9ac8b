"""Tasks to run while workers, brokers and networks are hurt, and the ledger that they keep."""
