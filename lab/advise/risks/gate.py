"""Lets a pool into the search only if the task is safe in it; each pool is checked once."""

from __future__ import annotations

from lab.advise.risks.caveats import Caveats
from lab.advise.risks.safety import SHORT_S, SafetyCheck, Together, run_together, why_unsafe
from lab.advise.trial.bench import Bench
from lab.advise.trial.failures import Tally
from lab.project.candidates import Candidate, Room, families
from lab.project.sending import CallSender
from lab.project.workers import Group
from lab.session.session import Session
from tasks.errors import WorkerError
from worker.pools import POOLS

#: Processes in which a task runs to find out whether it only fails in threads or greenlets.
APART = 4
#: Slots of a check, if the pool may have so many; fewer if the task computes for long.
OVERLAP = 8


class Gate:
    """Runs the task next to itself in the bench's workers; what goes wrong becomes a caveat."""

    def __init__(
        self,
        session: Session,
        sender: CallSender,
        bench: Bench[Candidate, Group],
        check: SafetyCheck,
        caveats: Caveats,
    ) -> None:
        self._session = session
        self._sender = sender
        self._bench = bench
        self._check = check
        self._profile = check.tried.profile
        self._caveats = caveats
        self._safe: dict[str, bool] = {}  # by the name of the pool

    def is_safe(self, candidate: Candidate, room: Room) -> bool:
        """Return whether the task is safe in this pool; only slots that share memory can be not."""
        pool = candidate.pool.name
        if candidate.pool.slot not in {"thread", "greenlet"}:
            return True
        if pool not in self._safe:
            checked = self._overlapping(candidate, room)
            if checked is None:
                return True
            why = self._why_unsafe(checked, room)
            self._safe[pool] = not why
            if why:
                self._caveats.of_safety(pool, why)
        return self._safe[pool]

    def _overlapping(self, candidate: Candidate, room: Room) -> Candidate | None:
        """Return a candidate of this pool in which runs overlap; None if it can have only one slot.

        The verdict is on the whole pool. The search may begin with one slot, such as on one core.
        """
        found = families(self._profile, room, [candidate.pool])
        most = found[0].most if found else 1
        in_time = max(2, int(SHORT_S / max(self._profile.cpu_s, 1e-3)))
        slots = max(candidate.concurrency, min(OVERLAP, most, in_time))
        return Candidate(pool=candidate.pool, concurrency=slots) if slots > 1 else None

    def _why_unsafe(self, candidate: Candidate, room: Room) -> str:
        shared = self._together(candidate)
        if shared is None or not shared.suspicious:
            return ""  # workers that do not start are reported by the trial
        return why_unsafe(shared, self._apart(room), Tally.alone(self._profile))

    def _apart(self, room: Room) -> Together | None:
        """Run the calls at the same time, each in a process of its own."""
        found = families(self._profile, room, [POOLS["prefork"]])
        return self._together(found[0].candidate(min(APART, found[0].most))) if found else None

    def _together(self, candidate: Candidate) -> Together | None:
        try:
            group = self._bench.group(candidate)
        except WorkerError:
            return None
        found = run_together(self._session, group, self._sender, self._check)
        if found.left:
            self._bench.drop(candidate)
        return found
