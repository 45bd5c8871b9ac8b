"""The faults of workers, brokers, networks, clocks and processes, each a function."""
