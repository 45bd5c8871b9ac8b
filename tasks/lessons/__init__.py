"""The tasks of the lessons, each lesson's in a module of its own."""
