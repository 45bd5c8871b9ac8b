"""The table of everything that differs between Celery's pools.

It knows no worker, command line or broker. `tests/integration/worker/test_pool_capabilities.py`
checks every fact on real workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from tasks.errors import UsageError

Nature = Literal["cpu", "io", "mixed"]

#: Slots for tasks that wait, equal in all pools that can have more than one so they compare fairly.
WAITING_CONCURRENCY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One of Celery's pools and its capabilities."""

    name: str  # as in `--pool NAME`
    aliases: tuple[str, ...] = ()  # other names that Celery accepts for it
    implementation: str  # the module of its TaskPool
    slot: Literal["process", "thread", "greenlet", "worker"]
    fixed_concurrency: int | None = None  # its number of slots, which `-c` cannot change
    own_threads: int = 1  # operating-system threads before the first slot
    needs_module: str = ""  # a module that is not installed with Celery
    needs_monkey_patching: bool = False
    #: Messages fetched per slot. 1 leaves the most for other workers. A pool without an event loop
    #: needs 2: with 1, a worker whose slots are all busy sleeps for up to 2 s even if tasks finish
    #: in the meantime. With 2 it waits for a free slot, and holds back only one message.
    prefetch_multiplier: int = 1

    hard_time_limit: bool
    soft_time_limit: bool
    preemptive: bool  # limits and terminate also stop a task that never waits
    terminate: bool  # revoke(terminate=True) stops a running task
    revokes_fetched: bool  # revoke() stops a task that was fetched and has not started
    grow_shrink: bool
    autoscale_failure: str = ""  # what `--autoscale` does instead; empty: it works
    max_tasks_per_child: bool
    max_memory_per_child: bool
    start_method: bool  # `--pool-start-method` has an effect
    embeds_beat: bool  # `-B` is allowed
    answers_while_busy: bool  # remote control works while all slots are busy
    survives_task_death: bool  # os._exit or a segfault kills one slot, not the worker
    parallel_python: bool  # two tasks can run Python bytecode at the same time
    acks_from_slots: bool  # each slot uses its own broker connection for a late ack
    #: What a cold shutdown (SIGQUIT) does to a running task that is acknowledged late.
    cold_shutdown: Literal["requeues", "waits", "fails", "loses"]

    @property
    def autoscale(self) -> bool:
        """Return whether `--autoscale` changes the number of slots."""
        return not self.autoscale_failure

    def default_concurrency(self, nature: Nature, cores: int) -> int:
        """Return a good default: one slot per core for tasks that compute, many for waiting."""
        if self.fixed_concurrency is not None:
            return self.fixed_concurrency
        return cores if nature == "cpu" else WAITING_CONCURRENCY

    @property
    def chosen_name(self) -> str:
        """Return the name to type for this pool whatever the setting `worker_pool` says.

        Celery treats a typed default pool as no choice and lets the setting decide. An alias of the
        default pool counts as a choice.
        """
        return self.aliases[0] if self.aliases else self.name

    def name_despite(self, setting: object) -> str:
        """Return the name to type for this pool if `worker_pool` has the value `setting`."""
        same = {self.name, *self.aliases, self.implementation}
        agrees = not setting or str(setting).partition(":")[0] in same
        return self.name if agrees else self.chosen_name

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the worker flags that this pool needs in addition to `--pool`."""
        if self.prefetch_multiplier == 1:
            return ()
        return ("--prefetch-multiplier", str(self.prefetch_multiplier))

    @property
    def kernel_scheduled(self) -> bool:
        """Return whether the kernel schedules the slots, rather than the interpreter."""
        return self.slot in {"process", "thread"}

    def processes(self, concurrency: int) -> int:
        """Return the number of processes of a worker, including its main process."""
        return concurrency + 1 if self.slot == "process" else 1

    def threads(self, concurrency: int) -> int:
        """Return the number of operating-system threads in all processes of a worker."""
        return self.own_threads + (concurrency if self.kernel_scheduled else 0)


_PREFORK: Final = Pool(
    name="prefork",
    aliases=("processes",),
    implementation="celery.concurrency.prefork",
    slot="process",
    hard_time_limit=True,
    soft_time_limit=True,
    preemptive=True,
    terminate=True,
    revokes_fetched=True,
    grow_shrink=True,
    max_tasks_per_child=True,
    max_memory_per_child=True,
    start_method=True,
    embeds_beat=True,
    answers_while_busy=True,
    survives_task_death=True,
    parallel_python=True,
    acks_from_slots=False,
    cold_shutdown="requeues",
)

_THREADS: Final = Pool(
    name="threads",
    implementation="celery.concurrency.thread",
    slot="thread",
    hard_time_limit=False,
    soft_time_limit=False,
    preemptive=False,
    terminate=False,
    # Celery puts every fetched task into the executor's queue at once, past its revoke check.
    revokes_fetched=False,
    grow_shrink=False,
    autoscale_failure="the worker crashes the first time it tries to scale up",
    max_tasks_per_child=False,
    max_memory_per_child=False,
    start_method=False,
    embeds_beat=True,
    answers_while_busy=True,
    survives_task_death=False,
    parallel_python=False,
    # The threads queue their acks for the event loop, which sends them one by one.
    acks_from_slots=False,
    cold_shutdown="waits",
)

_GEVENT: Final = Pool(
    name="gevent",
    implementation="celery.concurrency.gevent",
    slot="greenlet",
    own_threads=2,
    needs_module="gevent",
    needs_monkey_patching=True,
    prefetch_multiplier=2,
    hard_time_limit=True,
    soft_time_limit=False,
    preemptive=False,
    terminate=True,
    revokes_fetched=True,
    grow_shrink=True,
    max_tasks_per_child=False,
    max_memory_per_child=False,
    start_method=False,
    embeds_beat=False,
    answers_while_busy=True,
    survives_task_death=False,
    parallel_python=False,
    acks_from_slots=True,
    cold_shutdown="loses",
)

_SOLO: Final = Pool(
    name="solo",
    implementation="celery.concurrency.solo",
    slot="worker",
    fixed_concurrency=1,
    hard_time_limit=False,
    soft_time_limit=False,
    preemptive=False,
    terminate=False,
    revokes_fetched=True,
    grow_shrink=False,
    autoscale_failure="it always runs one task at a time",
    max_tasks_per_child=False,
    max_memory_per_child=False,
    start_method=False,
    embeds_beat=True,
    answers_while_busy=False,
    survives_task_death=False,
    parallel_python=False,
    acks_from_slots=False,
    cold_shutdown="fails",
)

#: All pools by name, in display order.
POOLS: Final[Mapping[str, Pool]] = MappingProxyType(
    {pool.name: pool for pool in (_PREFORK, _THREADS, _GEVENT, _SOLO)}
)

#: The pools that are compared by default.
DEFAULT_POOLS: Final = ("prefork", "threads", "gevent")


def pool_named(name: str) -> Pool:
    """Return the pool that `--pool NAME` means; raise UsageError with the closest known name."""
    for pool in POOLS.values():
        if name == pool.name or name in pool.aliases:
            return pool
    raise UsageError.unknown("pool", name, POOLS)


def pool_of_implementation(module_name: str) -> Pool | None:
    """Find a pool by its TaskPool's module; `:TaskPool`, as in `inspect stats`, is optional."""
    module = module_name.partition(":")[0]
    return next((pool for pool in POOLS.values() if pool.implementation == module), None)
