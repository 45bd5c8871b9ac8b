"""WHAT can run: the Celery app (`celery -A tasks worker`) and the bodies of its tasks."""
