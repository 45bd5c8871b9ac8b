"""What became of the clients of one echo server; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cluster.echo import EchoCounts
from lab.learn.engine.scene_run import SceneRun

#: The build that talks to one client at a time.
SEQUENTIAL: Final = "sequential"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRun:
    """One build of the server, and what became of its clients."""

    clients: int
    served: int
    first_served: bool  # whether a client was served that asked before any was connected
    counts: EchoCounts
    threads: int | None  # of the server, while all clients were there
    memory_bytes: int | None
    cpu_s: float
    latencies_s: Sequence[float]

    @property
    def all_at_once(self) -> bool:
        """Whether the server served all clients at the same time."""
        return self.served == self.counts.most_at_once == self.clients


def server_run(ran: SceneRun, clients: int, counts: EchoCounts, used_s: float) -> ServerRun:
    """Sum up what the clients have handed in."""
    seen = [one["value"] for task in ran.tasks for one in task.value["clients"]]
    stock: dict[str, int] = next(
        (task.value["stock"] for task in ran.tasks if task.value["stock"]), {}
    )
    connected_s = min((one["connected_s"] for one in seen if one["connected_s"]), default=0.0)
    return ServerRun(
        clients=clients,
        served=sum(one["served"] for one in seen),
        first_served=any(one["served"] and one["asked_s"] <= connected_s for one in seen),
        counts=counts,
        threads=stock.get("threads"),
        memory_bytes=stock.get("memory_bytes"),
        cpu_s=used_s,
        latencies_s=[latency_s for one in seen for latency_s in one["latencies_s"]],
    )
