"""What else the machine does during a repeat: CPU time of processes that are not part of it."""

from __future__ import annotations

import os
import time
from typing import Final, Self

from cluster.machine_time import MachineShares, MachineTime, separate_trees
from lab.session.protocols import Worker

#: Seconds to watch the machine before a repeat, if the worker's processes cannot be seen.
SAMPLE_S: Final = 0.5


class OtherLoad:
    """A context manager that measures the load of others while its body runs.

    The session's own processes are this process, its children, and the measured worker. If the
    worker runs in another container, its share cannot be told from that of others, so they are
    measured during the last moment before the body. If it runs on another machine, nothing is.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._own = separate_trees(os.getpid(), *([worker.pid] if worker.pid is not None else []))
        self._before: MachineTime | None = None
        self.shares: MachineShares | None = None

    def __enter__(self) -> Self:
        """Begin, or, if the worker's processes cannot be seen, take the sample."""
        if self._worker.same_machine:
            self._before = MachineTime.read(self._own)
            if self._worker.pid is None:
                time.sleep(SAMPLE_S)
                self._end()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the shares since the beginning."""
        self._end()

    def _end(self) -> None:
        if self._before is not None:
            self.shares = MachineShares.between(self._before, MachineTime.read(self._own))
            self._before = None
