"""What outlives a restart of Flower? Keeps the steps of the history in Redis."""
