"""The tasks of the lessons, a module for each lesson; `tasks.settings.imports` lists them."""
