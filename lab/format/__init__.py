"""Figures, sizes and names as people read them."""
