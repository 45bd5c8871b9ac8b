"""The way of a worker's packets to Redis, which faults can cut, delay or forget."""
