"""Flower's configuration file: Python that Flower executes, whose variables are its options.

The listening address is set on the command line, because it differs in a container.
"""

from __future__ import annotations

import os

from tornado.options import options

from monitor.access import require_login
from monitor.extension import extend

#: Other machines may only connect with a login, which may come from a file.
basic_auth = require_login(options, os.environ)

#: What the user's variables, such as FLOWER_MAX_TASKS, may change.
DEFAULTS = {
    "inspect_timeout": 2_000.0,  # milliseconds to wait for workers to answer an inspection
    "max_tasks": 10_000,  # tasks kept in memory; older ones are dropped
    "enable_events": True,  # in workers that were started without `-E`
    "natural_time": False,  # show timestamps rather than relative times
}
# Flower has applied the variables by now, and would let this file override them.
globals().update(
    (name, value) for name, value in DEFAULTS.items() if f"FLOWER_{name.upper()}" not in os.environ
)

extend()
