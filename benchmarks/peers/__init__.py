"""Compares Celery on kombu_lease with other task queues on Redis."""
