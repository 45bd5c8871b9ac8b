"""What the lesson `submit` concludes: who waited how long, and where callbacks ran; pure."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from statistics import median

from lab.format import words
from lab.learn.lessons.submit.method_run import (
    BODY,
    CALLBACK,
    CHORD,
    COLLECT_LATER,
    ERRBACK,
    GROUP,
    LINK,
    LINK_ERROR,
    ONE_BY_ONE,
    SubmitObservations,
    most_at_once,
)
from lab.learn.lessons.submit.tables import tables
from lab.results.lesson import Claim, Findings


def judge(observed: SubmitObservations) -> Findings:
    """Conclude from what was observed."""
    return Findings(
        tables=tables(observed),
        claims=(
            *_claims_on_time(observed),
            *_claims_on_place(observed),
            _group(observed),
            _chord(observed),
        ),
        verdict=_verdict(observed),
    )


def _claims_on_time(observed: SubmitObservations) -> Iterator[Claim]:
    waiting, later = observed.runs[ONE_BY_ONE], observed.runs[COLLECT_LATER]
    busy = most_at_once(waiting.ran.tasks)
    yield Claim(
        says="if you wait for each result, only one task runs at a time",
        holds=busy == 1,
        seen=f"never more than {busy} of {observed.slots} slots busy",
    )
    blocked = waiting.blocked_s / waiting.last_result_s
    yield Claim(
        says="meanwhile the client is blocked most of the time",
        holds=blocked > 0.6,
        seen=words.percent(blocked),
    )
    # The median, because one moment in which the machine stalled would spoil a single method.
    others_s = median(run.submitted_s for run in observed.runs.values() if run is not waiting)
    yield Claim(
        says="if you do not wait, submitting takes a small fraction of the time",
        holds=waiting.submitted_s > 3 * others_s,
        seen=f"{words.duration(others_s)}, the median of the other methods, against "
        f"{words.duration(waiting.submitted_s)}",
    )
    possible = observed.setup.tasks / observed.waves
    if possible >= 3:
        faster = waiting.last_result_s / later.last_result_s
        yield Claim(
            says="the last result arrives sooner if all slots work at the same time",
            holds=faster > possible / 3,
            seen=f"{words.times(faster)} as fast, ideally {possible:g} {words.TIMES}",
        )


def _claims_on_place(observed: SubmitObservations) -> Iterator[Claim]:
    yield _link(observed)
    local = observed.local
    yield Claim(
        says="concurrent.futures runs add_done_callback's callback in the client",
        holds=local.callback_pid == os.getpid() != local.work_pid,
        seen=f"pid {local.callback_pid}; the work ran in pid {local.work_pid}",
    )
    yield from _errbacks(observed)


def _link(observed: SubmitObservations) -> Claim:
    run, tasks = observed.runs[LINK], observed.setup.tasks
    submitter, node = [socket.gethostname(), os.getpid()], observed.setup.callback_worker.node
    in_worker = [
        task for task in observed.linked if task.node == node and task.value[1:] != submitter
    ]
    expected = 2 * tasks - len(observed.runs[LINK_ERROR].failed_ids)
    return Claim(
        says="every link callback runs in a worker's slot, none in the client",
        holds=len(in_worker) == expected and sorted(run.values) == [*range(tasks)],
        seen=f"{len(in_worker)} of {expected} in {node}",
    )


def _errbacks(observed: SubmitObservations) -> Iterator[Claim]:
    run = observed.runs[LINK_ERROR]
    failed = run.failed_ids
    reported = [task.value[0] for task in run.labelled(ERRBACK)]
    succeeded, callbacks = observed.setup.tasks - len(failed), len(run.labelled(CALLBACK))
    yield Claim(
        says="only tasks that fail call link_error, and only tasks that succeed call link",
        holds=sorted(reported) == sorted(failed) != [] and callbacks == succeeded,
        seen=f"{len(failed)} failed, {len(reported)} errback tasks; "
        f"{succeeded} succeeded, {callbacks} callbacks",
    )
    in_slot = run.errbacks_in_failed_slot
    yield Claim(
        says="an errback that takes the exception is called in the slot whose task failed",
        holds=in_slot == len(failed) == len(run.marks),
        seen=f"{in_slot} of {len(failed)}",
    )


def _group(observed: SubmitObservations) -> Claim:
    values = observed.runs[GROUP].values
    return Claim(
        says="a group returns all results together, in the order of submission",
        holds=values == list(range(observed.setup.tasks)),
        seen=", ".join(map(str, values)),
    )


def _chord(observed: SubmitObservations) -> Claim:
    run = observed.runs[CHORD]
    bodies = len(run.labelled(BODY))
    times = "once" if bodies == 1 else f"{bodies} times"
    return Claim(
        says="a chord's body runs once, in a worker, with all results",
        holds=bodies == 1 and sorted(run.values) == list(range(observed.setup.tasks)),
        seen=f"ran {times} with {len(run.values)} results",
    )


def _verdict(observed: SubmitObservations) -> str:
    runs = observed.runs
    waiting, later, linked = runs[ONE_BY_ONE], runs[COLLECT_LATER], runs[LINK]
    callbacks, node = linked.labelled(CALLBACK), observed.setup.callback_worker.node
    elsewhere = sum(one.node == node for one in callbacks)
    return (
        f"Waiting for each of {observed.setup.tasks} results before submitting the next task took "
        f"{words.duration(waiting.last_result_s)} in all, and the client was blocked for "
        f"{words.percent(waiting.blocked_s / waiting.last_result_s)} of it. Submitting all tasks "
        f"first took {words.duration(later.submitted_s)}, and the last result arrived after "
        f"{words.duration(later.last_result_s)}. With link, the client was blocked for "
        f"{words.duration(linked.blocked_s)}: {elsewhere} of {len(callbacks)} callbacks ran "
        f"in {node}."
    )
