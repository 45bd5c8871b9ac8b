"""One app for each library; each runs in the interpreter of its library's own environment."""
