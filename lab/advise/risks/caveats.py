"""Collects what would go wrong with a pool or with the task, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from lab.advise.risks import stalls
from lab.analysis.disturbance import QUIET
from lab.format import advice, words
from lab.project.candidates import Candidate, Family, Room, needed_bytes
from lab.results.advice import CandidateResult, Caveat, Profile
from worker.pools import POOLS, Pool

#: Growth that counts as a leak: bytes in all, and per task.
GROWTH_BYTES, GROWTH_PER_TASK_BYTES = 5_000_000, 1_000
#: The last trial's growth, as a share of the average, from which on it does not come to an end.
STEADY = 0.5
#: Threads that hold the GIL while they wait run so many at a time, at most; and what counts as
#: waiting, as a share of the time.
ONE_AT_A_TIME, WAITING = 1.5, 0.5
#: Runs of a task, one after the other, for which a budget should have room.
RUNS_IN_BUDGET = 30
#: The most refused addresses that are named.
MOST_NAMED = 3


class Caveats:
    """The caveats of one run; `folder` is the project's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: list[Caveat] = []

    def all(self) -> tuple[Caveat, ...]:
        """Return everything collected so far."""
        return tuple(self._found)

    def _add(self, pool: str, name: str, text: str) -> None:
        """Keep the first of each kind."""
        if not any((one.pool, one.name) == (pool, name) for one in self._found):
            self._found.append(Caveat(pool=pool, name=name, text=text))

    def of_safety(self, pool: str, why: str) -> None:
        """Note that the task must not run in a pool."""
        kind = POOLS[pool].slot
        self._add(
            pool,
            f"unsafe-in-{kind}s",
            f"the task is not safe to run in several {kind}s of one process: {why}",
        )

    def of_gevent(self) -> None:
        """Note that gevent was left out because it is missing in the project."""
        self._add(
            "gevent",
            "no-gevent",
            "gevent is not installed in your project, so it was not tried: install it there, then "
            "ask again",
        )

    def of_memory(
        self,
        pools: Sequence[Pool],
        found: Sequence[Family],
        profile: Profile,
        room: Room,
        *,
        limit: int | None,
    ) -> None:
        """Note the pools that do not fit, or only with few slots."""
        source = "the limit" if limit == room.memory_bytes else "this machine's memory"
        for pool in pools:
            name = pool.name
            family = next((one for one in found if one.pool is pool), None)
            most = 0 if family is None else family.most
            more = Candidate(pool=pool, concurrency=max(1, 2 * most))
            needed = needed_bytes(more, profile)
            slots = "1 slot was" if most == 1 else f"at most {most} slots were"
            tried = f"{slots} tried" if most else "it was not tried"
            all_tried = most == pool.fixed_concurrency  # it has no more slots to try
            if most < 16 and needed > room.memory_bytes and not all_tried:
                self._add(
                    name,
                    "memory-limit",
                    f"{more.label} would need about {words.size(needed)}, more than {source} of "
                    f"{words.size(room.memory_bytes)}; {tried}",
                )

    def of_rate_limits(self, limits: Mapping[str, object]) -> None:
        """Note tasks whose rate limit was off; `limits` are by the task's name."""
        if limited := [f"{task} ({limit})" for task, limit in limits.items() if limit]:
            self._add(
                "",
                "rate-limit",
                f"the rate limit of {', '.join(limited)} was off for the measurement; Celery "
                "applies it to each worker on its own, so two workers may run twice as many "
                "of these tasks as one",
            )

    def of_budget(
        self,
        pools: Sequence[Pool],
        results: Sequence[CandidateResult],
        profile: Profile,
        budget_s: float,
    ) -> None:
        """Note the pools for which there was no time in a budget of `budget_s` seconds."""
        tried = {result.pool for result in results}
        left = [pool.name for pool in pools if pool.name not in tried]
        if left and results:
            enough_s = min(24 * 3600, max(2 * budget_s, RUNS_IN_BUDGET * profile.run_s))
            more = f"allow more, such as --budget {enough_s:.0f}s"
            if enough_s <= budget_s:
                more = "try fewer pools, with --pools"
            self._add(
                "",
                "short-budget",
                f"there was no time for {words.listed(left)}: {more}",
            )

    def of_stalls(self, folder: Path) -> None:
        """Note the line that blocks gevent's event loop, if there is one."""
        pulses = stalls.read(folder.glob("pulse-*"))
        if text := stalls.blocking(pulses, self._folder):
            self._add("gevent", "blocks-gevent", text)

    def of_gil(self, results: Sequence[CandidateResult], profile: Profile) -> None:
        """Note that threads run one at a time although the task does not compute."""
        if profile.ready_share > WAITING:
            return
        for result in results:
            if POOLS[result.pool].slot != "thread" or result.concurrency < 4 or not result.trials:
                continue
            busy = max(one.busy * result.concurrency * result.workers for one in result.trials)
            if busy < ONE_AT_A_TIME * result.workers:
                self._add(
                    result.pool,
                    "holds-gil",
                    f"of {result.concurrency} threads only one ran at a time: the task waits in "
                    "code that does not release the GIL",
                )
                return

    def of_growth(self, results: Sequence[CandidateResult]) -> None:
        """Note memory that grows from trial to trial."""
        for result in results:
            sizes = [trial.peak_pss_bytes for trial in result.trials]
            grown = sizes[-1] - sizes[0] if sizes else 0
            tasks = sum(trial.rate_per_s * trial.seconds for trial in result.trials[1:])
            if len(sizes) < 3 or sizes != sorted(sizes) or not tasks:
                continue
            # Memory that is only filled for the first time grows less and less.
            if sizes[-1] - sizes[-2] < STEADY * grown / (len(sizes) - 1):
                continue
            if grown > GROWTH_BYTES and grown / tasks > GROWTH_PER_TASK_BYTES:
                self._add(
                    "",
                    "memory-grows",
                    f"memory grew by about {words.size(grown / tasks)} per task in {result.pool}: "
                    f"{_why_growing(result)}. In prefork, --max-tasks-per-child can replace "
                    "processes before they grow too large",
                )
                return

    def of_sends(self, profile: Profile) -> None:
        """Note that the task sends messages, which nobody consumed."""
        if profile.sends:
            self._add(
                "",
                "sends-tasks",
                f"other tasks that each run sends on average: {profile.sends:,.3g}. They went to "
                "the private broker and were not run",
            )

    def of_refused(self, addresses: Sequence[str]) -> None:
        """Note that a process tried to connect to the project's own broker."""
        if addresses:
            named = ", ".join(addresses[:MOST_NAMED])
            self._add(
                "",
                "refused-connections",
                f"Poolwise blocked connections to {named}, because your broker or result backend "
                "is there. If the task needs something else there, add --allow HOST:PORT",
            )

    def of_probe(self, results: Sequence[CandidateResult]) -> None:
        """Note errors in the probe: a row may be missing, or its outcome wrong."""
        found = {advice.label(one): errors for one in results if (errors := advice.errors(one))}
        if found:
            names = ", ".join(
                f"{words.counted(errors, 'error')} with {label}" for label, errors in found.items()
            )
            self._add(
                "",
                "probe-errors",
                f"Poolwise's probe had {names}. These figures may be wrong; the worker's log in "
                "the result's folder shows the first error",
            )

    def of_others(self, results: Sequence[CandidateResult]) -> None:
        """Note that programs outside the run kept the machine busy."""
        trials = [trial for one in results for trial in one.trials]
        shares = [one.others_cpu_share for one in trials if one.others_cpu_share is not None]
        if shares and (share := mean(shares)) > QUIET:
            self._add(
                "",
                "other-load",
                f"other programs used {words.percent(share)} of this machine's CPU on average "
                "during the trials, so the answer may be wrong: stop them and ask again, unless "
                "they do work for the task, like its database",
            )


def _why_growing(result: CandidateResult) -> str:
    if any(trial.failed for trial in result.trials):
        return (
            "the task may leak, or the memory holds tracebacks of failed runs, which Python frees "
            "only now and then"
        )
    return "the task may leak"
