"""What to type so that there is something to see: pure, told where the broker is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

#: Brokers that are on this machine, as seen from a Flower that is no container.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One command and what it does."""

    command: str
    does: str


def suggestions(broker_url: str) -> list[Suggestion]:
    """Suggest commands for a Flower on this machine, or one that stands in a cluster."""
    if urlsplit(broker_url).hostname in LOCAL:
        return [
            Suggestion(
                command=f"poolwise race --quick --broker {broker_url}",
                does="every pool against computing, waiting and mixed work",
            ),
            Suggestion(
                command=f"CELERY_BROKER_URL={broker_url} "
                "celery -A tasks call io.sleep --args='[0.2]'",
                does="one task that waits for 0.2 s",
            ),
        ]
    return [
        Suggestion(command="docker compose up -d producer", does="a light, steady mix of tasks"),
        Suggestion(
            command="docker compose run --rm poolwise race",
            does="every pool against computing, waiting and mixed work",
        ),
    ]
