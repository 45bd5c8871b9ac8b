"""How do reading, storing and answering work together in a running Flower? Threads and locks."""
