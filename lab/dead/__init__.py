"""Dead letters as people read them."""
