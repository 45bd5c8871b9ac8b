"""Settings of the project; those of Celery begin with CELERY_."""

DEBUG = False
CELERY_BROKER_URL = "redis://broker.example.com:6379/0"
CELERY_RESULT_BACKEND = "redis://broker.example.com:6379/1"
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_MAX_TASKS_PER_CHILD = 10_000
