"""One trial: a broker, workers, a load and a ledger of their own."""
