"""The shapes of results, one module per kind, with the files that keep them."""
