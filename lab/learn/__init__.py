"""The lessons, and the engine that runs them."""
