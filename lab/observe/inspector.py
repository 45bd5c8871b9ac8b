"""Asks running workers about themselves, again and again, in a thread of its own.

It uses only commands of Celery's remote control that read.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final

from celery import Celery

from cluster.discovery import MOMENT_S, TRIES, RemoteControl
from lab.observe.replies import Conf, Queue, Running, Stats, fitted, fitted_all

#: Shortest interval between two rounds of questions, in seconds,
INTERVAL_S: Final = 1.0
#: and the longest share of the time that asking may take.
SHARE: Final = 0.5
#: Seconds between two searches for new workers.
SEARCH_S: Final = 30.0
#: Seconds to wait for answers; a worker whose tasks do not yield answers between two of them.
PATIENCE_S: Final = 1.5
#: Rounds without an answer after which a worker is not asked until it is found again.
SILENT_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one worker answered in one round. None: no answer in time."""

    stats: Stats | None
    active: tuple[Running, ...] | None
    reserved: tuple[Running, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What does not change while a worker runs."""

    queues: tuple[str, ...]
    visibility_timeout_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What all workers answered in one round."""

    at_monotonic_s: float
    answers: Mapping[str, Answer] = field(default_factory=dict)
    about: Mapping[str, About] = field(default_factory=dict)


class Inspector:
    """Puts a `Round` into `rounds` every second; an exception if the broker fails."""

    def __init__(self, app: Celery, broker_url: str) -> None:
        self._app = app
        self._url = broker_url
        self._about: dict[str, About] = {}
        self._silent: Counter[str] = Counter()  # rounds without an answer
        self._searched_s = float("-inf")
        self._over = threading.Event()
        self.rounds = SimpleQueue[Round | Exception]()
        self._thread = threading.Thread(target=self._run, name="inspector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its current question."""
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        try:
            with RemoteControl(self._app, self._url) as remote:
                while not self._over.is_set():
                    began_s = time.monotonic()
                    self.rounds.put(self._round(remote))
                    took_s = time.monotonic() - began_s
                    self._over.wait(max(INTERVAL_S - took_s, took_s * (1 / SHARE - 1)))
        except Exception as error:  # noqa: BLE001 - the thread's edge: the main thread raises it
            self.rounds.put(error)

    def _round(self, remote: RemoteControl) -> Round:
        if time.monotonic() - self._searched_s > SEARCH_S:
            self._search(remote)
            self._searched_s = time.monotonic()
        self._describe(remote, [node for node, about in self._about.items() if not about.queues])
        nodes = sorted(node for node in self._about if self._silent[node] < SILENT_ROUNDS)
        at_s = time.monotonic()
        answers = _answers(remote, nodes) if nodes else {}
        for node, answer in answers.items():
            self._silent[node] = self._silent[node] + 1 if answer.stats is None else 0
        return Round(at_monotonic_s=at_s, answers=answers, about=dict(self._about))

    def _search(self, remote: RemoteControl) -> None:
        """Find the workers that are not known yet."""
        found = (
            remote.ask("ping", patience_s=MOMENT_S)
            if self._about
            else remote.ask("ping", tries=TRIES)
        )
        for node in found:
            self._silent[node] = 0
            self._about.setdefault(node, About(queues=(), visibility_timeout_s=None))

    def _describe(self, remote: RemoteControl, nodes: list[str]) -> None:
        """Ask what does not change; again in the next round if a worker does not answer."""
        asked = [node for node in nodes if self._silent[node] < SILENT_ROUNDS]
        if not asked:
            return
        active = remote.ask("active_queues", asked, patience_s=PATIENCE_S)
        confs = remote.ask("conf", asked, patience_s=PATIENCE_S)
        self._about |= {node: _about(active.get(node), confs.get(node)) for node in asked}


def _about(active_queues: Any, conf: Any) -> About:
    settings = fitted(conf, Conf) or Conf()
    return About(
        queues=tuple(sorted(one.name for one in fitted_all(active_queues, Queue))),
        visibility_timeout_s=settings.broker_transport_options.visibility_timeout,
    )


def _answers(remote: RemoteControl, nodes: Iterable[str]) -> dict[str, Answer]:
    asked = list(nodes)
    replies = {
        method: remote.ask(method, asked, patience_s=PATIENCE_S)
        for method in ("stats", "active", "reserved")
    }
    return {
        node: _answer({method: of.get(node) for method, of in replies.items()}) for node in asked
    }


def _answer(replies: Mapping[str, Any]) -> Answer:
    lists = {
        method: None if replies[method] is None else fitted_all(replies[method], Running)
        for method in ("active", "reserved")
    }
    return Answer(
        stats=fitted(replies["stats"], Stats), active=lists["active"], reserved=lists["reserved"]
    )
