"""The commands that the empty page suggests, chosen by the broker's address and the workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from producer.broker_words import flags, variables

#: Hosts of a broker on this machine, as seen by a Flower outside a container.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
#: A task that only Poolwise's own workers know.
OUR_TASK: Final = "io.sleep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One command and what it does."""

    command: str
    does: str


def suggestions(
    broker_url: str, options: Mapping[str, Any], registered: Collection[Sequence[str]]
) -> list[Suggestion]:
    """Suggest commands for local processes if the broker is local, else for Docker Compose.

    `registered` has the names of the tasks of each worker that Flower knows. There are no commands
    if none of the workers knows Poolwise's own tasks.
    """
    if registered and not any(_has_ours(tasks) for tasks in registered):
        return []
    if urlsplit(broker_url).hostname in LOCAL:
        return [
            Suggestion(
                command=f"poolwise race --quick {flags(broker_url, options)}",
                does="Compares all pools on CPU-bound, IO-bound and mixed tasks",
            ),
            Suggestion(
                command=f"{variables(broker_url, options)} "
                "celery -A tasks call io.sleep --args='[0.2]'",
                does="Sends one task that sleeps for 0.2 s",
            ),
        ]
    return [
        Suggestion(
            command="docker compose up -d producer", does="Sends a light, steady mix of tasks"
        ),
        Suggestion(
            command="docker compose run --rm poolwise race",
            does="Compares all pools on CPU-bound, IO-bound and mixed tasks",
        ),
    ]


def _has_ours(tasks: Sequence[str]) -> bool:
    """Tell whether a worker has Poolwise's tasks; Celery may add to a name, as in "a [rate=1]"."""
    return any(task.partition(" ")[0] == OUR_TASK for task in tasks)
