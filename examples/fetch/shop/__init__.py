"""A shop that watches prices."""
