"""The app, in a package: `celery -A shop worker` finds it."""

from celery import Celery

app = Celery("shop", broker="redis://broker.example.com:6379/0", include=["shop.tasks"])
