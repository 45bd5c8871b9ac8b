"""What would go wrong with a pool or with the task, each with its evidence."""
