"""The tasks of the lessons, a module or package for each; `tasks.settings.imports` lists them."""
