"""The shapes of what is kept: one module a kind of result, and the files they are kept in."""
