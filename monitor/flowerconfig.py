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

#: Milliseconds to wait for workers to answer an inspection.
inspect_timeout = 2_000.0
#: Tasks kept in memory; older ones are dropped.
max_tasks = 10_000
#: Enable task events in workers that were started without `-E`.
enable_events = True
#: Show timestamps rather than relative times.
natural_time = False

extend()
