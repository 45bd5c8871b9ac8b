"""A project in the layout of Django, without Django."""
