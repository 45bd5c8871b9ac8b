"""What happens to the messages of a worker that dies, stalls or is cut off from Redis."""
