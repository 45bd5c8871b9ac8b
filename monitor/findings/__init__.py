"""What costs throughput or work right now? The last minute, and what the rules find in it."""
