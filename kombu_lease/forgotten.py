"""Makes Celery before 5.7, when it reconnects, forget the tasks that it has not begun.

`Consumer.on_close` means to remove these tasks from the table `celery.worker.state.requests`, but
looks for them by the wrong key. Each task refers to its message, which would stay in flight for as
long as the worker lives.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakValueDictionary

#: The first version of Celery that removes them.
FIXED = (5, 7)


def drop_forgotten() -> None:
    """Remove from Celery's table all tasks that nothing else refers to: nothing can end them."""
    celery: Any = sys.modules.get("celery")
    state: Any = sys.modules.get("celery.worker.state")
    if state is not None and tuple(celery.VERSION[:2]) < FIXED:
        drop_unreferenced(state.requests)


def drop_unreferenced(table: dict[str, Any]) -> None:
    """Remove all values that only the table refers to."""
    referenced = WeakValueDictionary(dict(table))  # a copy: other threads may change the table
    table.clear()
    table.update(referenced.items())
