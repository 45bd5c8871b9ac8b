"""Runs `celery` with a higher priority, if this user may, so that a busy machine leaves it a core.

Linux shares the cores between sessions first, and then between the processes of each.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from celery.__main__ import main

if __name__ == "__main__":
    with suppress(OSError):
        os.nice(-10)
        Path("/proc/self/autogroup").write_text("-10")
    main()
