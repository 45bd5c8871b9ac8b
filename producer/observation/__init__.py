"""What do running workers suffer from? Attempts, samples and depths in, findings out: pure."""
