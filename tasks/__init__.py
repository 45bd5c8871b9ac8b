"""The Celery app (`celery -A tasks worker`) and its tasks."""
