"""The workloads of a race: which task, how many, and what they are meant to show.

Pure data: it knows neither broker nor clock; the machine's speed is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.results.race import Calibration
from producer.plan import Work
from tasks.errors import UsageError
from worker.pools import Nature


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Like tasks, all due at once, and a few of the same kind to warm up with."""

    name: str
    title: str
    size: str  # of one task, for people: "100 ms of CPU"
    count: int
    work: Work
    warm_up: Work  # as quick as it can be
    releases_gil: bool = False  # whether its computing leaves the GIL to other threads

    @property
    def nature(self) -> Nature:
        """Decides the default concurrency."""
        return NATURES[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How big a race is."""

    burn_ms: float
    burns: int
    wait_ms: int
    waits: int
    mixed: int
    #: Seconds in which one task is run again and again with nothing around it, before and after.
    bare_s: float


#: Seconds that one mixed task takes.
MIXED_S = 0.2
FULL = Scale(burn_ms=150, burns=12, wait_ms=1_000, waits=200, mixed=200, bare_s=0.4)
QUICK = Scale(burn_ms=100, burns=8, wait_ms=500, waits=80, mixed=200, bare_s=0.15)
#: Seconds that the waiting workloads may take in the worker with the fewest slots.
LONGEST_S = 20.0


def fitted(scale: Scale, fewest_slots: int) -> Scale:
    """Return `scale` with no more waiting than workers of this size end in `LONGEST_S` seconds.

    For workers that are raced as they are: two processes would wait minutes for 200 tasks.
    """
    waits = int(LONGEST_S * fewest_slots / (scale.wait_ms / 1_000))
    mixed = int(LONGEST_S * fewest_slots / MIXED_S)
    return replace(scale, waits=min(scale.waits, waits), mixed=min(scale.mixed, mixed))


#: Every workload, in the order they are run, and its nature: which concurrency fits it.
NATURES: dict[str, Nature] = {
    "burn": "cpu",
    "digest": "cpu",
    "sleep": "io",
    "fetch": "io",
    "mixed": "mixed",
}
NAMES = tuple(NATURES)
#: The Celery task of each.
TASKS = {
    "burn": "cpu.burn",
    "digest": "cpu.digest",
    "sleep": "io.sleep",
    "fetch": "io.fetch",
    "mixed": "mixed.work",
}
DEFAULT_NAMES = ("burn", "digest", "fetch", "mixed")
QUICK_NAMES = ("burn", "fetch", "mixed")


def default_names(*, quick: bool, on_running: bool) -> tuple[str, ...]:
    """Return what is run when nobody says what.

    Workers that run already may be anywhere, where our server for `fetch` cannot be reached.
    """
    names = QUICK_NAMES if quick else DEFAULT_NAMES
    return checked(tuple("sleep" if name == "fetch" and on_running else name for name in names))


def checked(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` in the order of running, each once.

    Raises UsageError for one that is not known.
    """
    for name in names:
        if name not in NAMES:
            raise UsageError.unknown("workload", name, NAMES)
    return tuple(name for name in NAMES if name in names)


def workloads(
    names: tuple[str, ...], scale: Scale, speed: Calibration, delay_port: int
) -> list[Workload]:
    """Return the workloads called `names`, sized for a machine of this `speed`.

    `delay_port` is where the delay server listens on loopback.
    """
    iterations_per_ms = speed.burn_iterations_per_ms
    burn = Work(task=TASKS["burn"], args=(round(scale.burn_ms * iterations_per_ms),))
    digest = Work(task=TASKS["digest"], args=(round(scale.burn_ms * speed.digest_rounds_per_ms),))
    fetch = Work(task=TASKS["fetch"], args=("127.0.0.1", delay_port, scale.wait_ms))
    every = {
        "burn": Workload(
            name="burn",
            title="CPU-bound, holds the GIL",
            size=f"{scale.burn_ms:g} ms of CPU",
            count=scale.burns,
            work=burn,
            warm_up=Work(task=TASKS["burn"], args=(1,)),
        ),
        "digest": Workload(
            name="digest",
            title="CPU-bound, releases the GIL",
            size=f"{scale.burn_ms:g} ms of CPU",
            count=scale.burns,
            work=digest,
            warm_up=Work(task=TASKS["digest"], args=(1,)),
            releases_gil=True,
        ),
        "sleep": Workload(
            name="sleep",
            title="IO-bound, waits for the clock",
            size=f"{scale.wait_ms / 1_000:g} s of waiting",
            count=scale.waits,
            work=Work(task=TASKS["sleep"], args=(scale.wait_ms / 1_000,)),
            warm_up=Work(task=TASKS["sleep"], args=(0.01,)),
        ),
        "fetch": Workload(
            name="fetch",
            title="IO-bound, waits for a server",
            size=f"{scale.wait_ms / 1_000:g} s of waiting",
            count=scale.waits,
            work=fetch,
            warm_up=Work(task=TASKS["fetch"], args=("127.0.0.1", delay_port, 10)),
        ),
        "mixed": Workload(
            name="mixed",
            title="Mixed, computes and then waits",
            size="5 ms of CPU, 195 ms of waiting",
            count=scale.mixed,
            work=Work(task=TASKS["mixed"], args=(5, 195, iterations_per_ms)),
            warm_up=Work(task=TASKS["mixed"], args=(0, 10)),
        ),
    }
    return [every[name] for name in names]
