"""The options of a worker, as plain values. It does not know where they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.pools import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long tasks may run: limits of the worker and of single tasks."""

    hard_s: float | None = None
    soft_s: float | None = None
    hard_tasks: tuple[str, ...] = ()  # names of tasks that have their own hard limit
    soft_tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycling:
    """When pool processes are replaced."""

    max_tasks_per_child: int | None = None
    max_memory_per_child_kib: int | None = None
    start_method: str | None = None  # None: not set


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How messages are fetched and acknowledged."""

    redis: bool | None = None  # None: the broker is unknown
    lease: bool = False  # through kombu_lease
    acks_late: bool | None = None  # for any task; None: unknown
    rejects_lost: bool = False  # task_reject_on_worker_lost
    retries_lost: bool = False  # task_retry_on_worker_lost
    cancels_on_connection_loss: bool = False
    prefetch_multiplier: int = 4  # 0: no limit
    prefetch_zero_dropped: bool = False  # `--prefetch-multiplier 0` was typed
    prefetch_disabled: bool = False
    max_connections: int = 10  # of a Redis channel: broker_transport_options
    visibility_timeout_s: float = 3600
    watched: bool = False  # other workers restore its messages, and only if it dies
    max_deliveries: int = 20  # of kombu_lease: then, a message is a dead letter; 0: never
    eta_limit: int | None = None  # worker_eta_task_limit; None: no limit

    @property
    def requeues_lost(self) -> bool:
        """Whether a task runs again after its process was killed."""
        return self.rejects_lost or self.retries_lost

    @property
    def kept_while_alive(self) -> bool:
        """Whether its messages go to no other worker while it lives."""
        return self.watched or self.lease

    @property
    def ends_loops(self) -> bool:
        """Whether a task that kills its process again and again is given up."""
        return bool(self.max_deliveries) if self.lease else self.watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """What a signal to shut down does."""

    cold_on_term: bool = False  # REMAP_SIGTERM=SIGQUIT: SIGTERM shuts down cold
    soft_timeout_s: float = 0  # worker_soft_shutdown_timeout; 0: no soft shutdown
    returns_stopped: bool = False  # `worker.delivery.stopped` keeps what it stops under gevent


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Everything about a worker that preflight checks."""

    pool: Pool | None  # None: not in the pool table
    pool_name: str  # the name that was used to choose it
    pool_flag: str = ""  # the name typed after -P or --pool, if any
    monkey_patched: bool = True
    module_missing: bool = False  # the module that the pool needs is not installed here
    cores: int  # as Celery counts them
    usable_cores: int | None = None  # those that a CPU quota leaves; None: unknown
    concurrency: int
    concurrency_chosen: bool = False  # False: Celery takes one slot per core
    autoscale_max: int | None = None
    beat: bool = False
    fair: bool = False  # -O fair
    remote_control: bool = True
    limits: TimeLimits = field(default_factory=TimeLimits)
    recycling: Recycling = field(default_factory=Recycling)
    delivery: Delivery = field(default_factory=Delivery)
    shutdown: Shutdown = field(default_factory=Shutdown)

    @property
    def slots(self) -> int:
        """Return the maximum number of tasks that the worker can run at once."""
        if self.pool is not None and self.pool.fixed_concurrency is not None:
            return self.pool.fixed_concurrency
        return self.concurrency if self.autoscale_max is None else self.autoscale_max
