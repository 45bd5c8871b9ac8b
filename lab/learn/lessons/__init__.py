"""The lessons, a package each: what is taught, how it is run, how it is judged."""
