"""A Celery project of the user's own: found, described and started, but never changed."""
