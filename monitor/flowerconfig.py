"""Flower's configuration file, which Flower executes as Python; names are Flower's options.

Where it listens is said on the command line, for that differs between a machine and a container.
"""

from __future__ import annotations

import os

from tornado.options import options

from monitor.address import guard
from monitor.extension import extend

# Nobody is let in from outside without a credential; one may stand in a file.
if pairs := guard(options, os.environ):
    basic_auth = pairs

#: Ask workers on start for what Flower shows of them, and do not wait long for one that is gone.
inspect_timeout = 2_000.0
#: Tasks kept in memory; beyond it the oldest are forgotten.
max_tasks = 10_000
#: Switch task events on in workers that were started without `-E`.
enable_events = True
#: Newest first.
natural_time = False

extend()
