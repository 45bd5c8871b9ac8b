"""What happens to a task if its worker is killed, and where a library's code shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A line of a library."""

    file: str  # in its site-packages, or in our checkout
    text: str  # a part of the line that is nowhere else in the file

    def located(self, folder: Path) -> str:
        """Return the file with the line's number, as found in `folder`.

        Raises ValueError if not exactly one line has the text: what it shows may have changed.
        """
        lines = (folder / self.file).read_text().splitlines()
        numbers = [number for number, line in enumerate(lines, 1) if self.text in line]
        if len(numbers) != 1:
            raise ValueError(f"{self.file}: {len(numbers)} lines contain {self.text!r}")
        return f"{self.file}:{numbers[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What becomes of tasks if a worker with all its processes is killed with SIGKILL."""

    at_least_once: bool
    running: str  # of a task that it runs
    fetched: str  # of a task that it has fetched and not begun
    sources: tuple[Source, ...]

    def lines(self, folder: Path) -> list[str]:
        """Describe it, with its sources as found in `folder`."""
        where = ", ".join(source.located(folder) for source in self.sources)
        return [f"running: {self.running}", f"fetched: {self.fetched}", f"see {where}"]


LEASE = Guarantee(
    at_least_once=True,
    running="redelivered once the lease has expired, after 6 s",
    fetched="the same",
    sources=(
        Source(file="kombu_lease/options.py", text="LEASE_S = "),
        Source(file="benchmarks/queues_shop.py", text="task_acks_late=True"),
    ),
)
HUEY = Guarantee(
    at_least_once=False,
    running="lost: a message leaves Redis before its task runs",
    fetched="lost; a process or thread fetches one at a time",
    sources=(
        Source(file="huey/storage.py", text="self.conn.brpop("),
        Source(file="huey/consumer.py", text="task = self.huey.dequeue()"),
        Source(file="huey/consumer.py", text="self.huey.execute(task, now)"),
    ),
)
HUEY_PRIORITY = Guarantee(
    at_least_once=False,
    running=HUEY.running,
    fetched=HUEY.fetched,
    sources=(Source(file="huey/storage.py", text="self.conn.bzpopmin("), *HUEY.sources[1:]),
)
DRAMATIQ = Guarantee(
    at_least_once=True,
    running="redelivered after 60 s without a heartbeat, by the next maintenance of its queue: "
    "each fetch starts one with a probability of 0.1 %",
    fetched="the same",
    sources=(
        Source(file="dramatiq/worker.py", text="self.consumer.ack(message)"),
        Source(file="dramatiq/brokers/redis.py", text="DEFAULT_HEARTBEAT_TIMEOUT = "),
        Source(file="dramatiq/brokers/redis.py", text="DEFAULT_MAINTENANCE_CHANCE = "),
        Source(file="dramatiq/brokers/redis/dispatch.lua", text='"zrangebyscore", heartbeats'),
    ),
)
TASKIQ_STREAM = Guarantee(
    at_least_once=True,
    running="redelivered after 10 min, when a worker has fetched newer messages; a task that runs "
    "for longer can be redelivered while it runs",
    fetched="the same",
    sources=(
        Source(file="taskiq/receiver/receiver.py", text="AcknowledgeType.WHEN_SAVED and"),
        Source(file="taskiq_redis/redis_broker.py", text="await redis_conn.xack("),
        Source(file="taskiq_redis/redis_broker.py", text="idle_timeout: int = "),
        Source(file="taskiq_redis/redis_broker.py", text="if not fetched:"),
        Source(file="taskiq_redis/redis_broker.py", text="await pipe.xautoclaim("),
    ),
)
TASKIQ_LIST = Guarantee(
    at_least_once=False,
    running="lost: a message leaves Redis before its task runs",
    fetched="lost; a process fetches as many as it may run at a time, 100 by default",
    sources=(
        Source(file="taskiq_redis/redis_broker.py", text="redis_conn.brpop("),
        Source(file="taskiq/cli/worker/args.py", text="default=100,"),
    ),
)
