"""The app, with its settings in the namespace CELERY, as in a Django project."""

from celery import Celery

app = Celery("project")
app.config_from_object("project.settings", namespace="CELERY")
app.autodiscover_tasks(["project"])
