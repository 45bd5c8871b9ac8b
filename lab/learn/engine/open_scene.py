"""A scene while it runs: what was sent, when it began, and what this process does meanwhile.

It must not know how tasks are sent or followed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from lab.results.lesson import Bar, Lane, Scene
from lab.session.protocols import Worker
from producer.ledger import Ledger
from tasks.lessons.notebook import Notebook
from worker.probe import Clock

#: The name of this process in a scene's lanes.
LAB: Final = "client"


@dataclass(slots=True, kw_only=True)
class OpenScene:
    """A scene's tasks, and the notes of the process that sends them."""

    title: str
    ledger: Ledger
    clock: Clock
    results: bool = True  # whether the tasks' results are stored
    labels: dict[str, str] = field(default_factory=dict)  # of the tasks, by id
    workers: dict[str, Worker] = field(default_factory=dict)  # that take part, by node
    lab: Notebook = field(init=False)  # begins at the scene's start
    zero: float = field(init=False)  # the scene's start, seconds by the records' clock

    def __post_init__(self) -> None:
        """Start the scene's clock."""
        self.lab = Notebook()
        self.zero = time.monotonic() + self.clock.offset_s

    def enter(self, worker: Worker, labels: Mapping[str, str], *, expected: bool = True) -> None:
        """Enter tasks that `worker` will run; the scene does not wait for those not `expected`."""
        if expected:
            self.ledger.submit(labels)
        self.labels |= labels
        self.workers[worker.node] = worker

    def with_lab(self, scene: Scene, slot: str) -> Scene:
        """Add a lane on top that shows what this process noted."""
        noted = [
            Bar(lane=0, doing=doing, what=what, who=LAB, started_s=from_s, finished_s=to_s)
            for doing, what, from_s, to_s in self.lab.notes
        ]
        below = [replace(bar, lane=bar.lane + 1) for bar in scene.bars]
        lanes = (Lane(node=LAB, slot=slot), *scene.lanes)
        return replace(scene, lanes=lanes, bars=(*noted, *below))
