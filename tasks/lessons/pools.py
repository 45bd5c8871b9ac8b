"""The task of the lesson `pools`: it keeps a slot busy for a while."""

from __future__ import annotations

import time
from typing import Any

from tasks.celery import app
from tasks.io import sleep
from tasks.lessons.notebook import Notebook


@app.task(name="lessons.pools.hold")
def hold(seconds: float) -> dict[str, Any]:
    """Hold a slot for `seconds`; hand in when it started, by the machine's monotonic clock."""
    notebook, began_s = Notebook(), time.monotonic()
    with notebook.noting("waits", ""):
        sleep(seconds)
    return notebook.handed_in(began_s)
