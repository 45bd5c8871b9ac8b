"""Lessons, one after the other, in a session of their own or on a cluster that already runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster.discovery import DiscoveredWorker
from cluster.machine import Machine
from lab.learn.engine.context import Context, Setup
from lab.learn.engine.events import LessonEvents
from lab.learn.engine.exclusive import check_free, exclusively
from lab.learn.engine.learn_options import LearnOptions, check_all
from lab.learn.engine.lesson import Lesson
from lab.results.lesson import SCHEMA_VERSION, Expectation, LessonResult
from lab.session.borrowed import BorrowedWorkers
from lab.session.choose import BorrowRequest, choose_running
from lab.session.interpreter import Interpreter
from lab.session.protocols import PoolConfig, Workers
from lab.session.session import Session, open_session
from lab.session.started import StartedWorkers
from lab.session.versions import host, versions
from producer.address import redacted
from worker.pools import POOLS

#: The fewest slots of a worker on which a lesson can be shown.
SEVERAL = 2
#: Asks the learner what to expect; returns the index of the choice, or None.
Ask = Callable[[Lesson], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnRun:
    """What every lesson of a run uses."""

    options: LearnOptions
    session: Session
    started: StartedWorkers  # shared by the lessons that run on workers of the session
    events: LessonEvents
    python: Interpreter | None


def run_lessons(
    options: LearnOptions, folder: Path, machine: Machine, events: LessonEvents, ask: Ask
) -> Generator[LessonResult]:
    """Yield the result of each lesson; close the generator to stop what was started.

    Raises PoolwiseError if a lesson cannot be run.
    """
    python = check_all(options)
    with open_session(folder, options.broker_url, machine, options.broker_advice) as session:
        learn_run = LearnRun(
            options=options,
            session=session,
            started=StartedWorkers(session.cluster, session.queues),
            events=events,
            python=python,
        )
        for lesson in options.lessons:
            events.began(lesson.title, lesson.setting)
            check_free(session.records)  # now, rather than after the learner has thought about it
            expected = ask(lesson)
            with exclusively(session.records, lesson.name):
                yield _run(learn_run, lesson, expected)


def _run(learn_run: LearnRun, lesson: Lesson, expected: int | None) -> LessonResult:
    began_s = time.monotonic()
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    options, session = learn_run.options, learn_run.session
    running = _running(learn_run, lesson) if options.borrows(lesson) else {}
    context = _context(learn_run, lesson, running)
    with ExitStack() as steps:
        steps.callback(context.close)
        context.open()
        findings = lesson.run(context)
    return LessonResult(
        schema_version=SCHEMA_VERSION,
        kind="lesson",
        lesson=lesson.name,
        title=lesson.title,
        setting=lesson.setting,
        started_at=started_at,
        elapsed_s=time.monotonic() - began_s,
        command=f"{options.program} learn {lesson.name}{options.command_line}",
        broker=redacted(options.broker_url) if options.broker_url else "embedded",
        workers=tuple(one.node for one in running.values()),
        versions=versions(session.cluster),
        host=host(session.machine),
        clock_error_s=context.clock_error_s,
        expectation=_expectation(lesson, expected),
        scenes=tuple(context.scenes),
        findings=findings,
        lecture=lesson.lecture,
        turn_next=tuple(_typed(line, options.program) for line in lesson.turn_next),
    )


def _context(
    learn_run: LearnRun, lesson: Lesson, running: Mapping[str, DiscoveredWorker]
) -> Context:
    """Return what `lesson` runs with; workers that it does not need are stopped."""
    options, session = learn_run.options, learn_run.session
    queues = session.queues.part(lesson.name)
    workers: Workers = learn_run.started
    sizes = {pool: lesson.workers[pool] for pool in options.pools_of(lesson)}
    if options.borrows(lesson):
        learn_run.started.prepare((), learn_run.events.starting)
        workers = BorrowedWorkers(session.remote, queues, running)
        sizes = {pool: one.concurrency for pool, one in running.items()}
    setup = Setup(
        queues=queues,
        configs=_configs(sizes),
        dials=options.dials_of(lesson),
        python=learn_run.python,
    )
    return Context(session, workers, setup, learn_run.events)


def _configs(sizes: Mapping[str, int]) -> dict[str, PoolConfig]:
    return {pool: PoolConfig(pool=POOLS[pool], concurrency=n) for pool, n in sizes.items()}


def _running(learn_run: LearnRun, lesson: Lesson) -> dict[str, DiscoveredWorker]:
    """Return the running workers that `lesson` borrows, by pool."""
    pools = tuple(learn_run.options.pools_of(lesson))
    if not pools:
        return {}
    request = BorrowRequest(
        user=lesson.name,
        pools=pools,
        required=lesson.needs | set(learn_run.options.pools),
        tasks=lesson.tasks,
        least_concurrency=SEVERAL,
    )
    return choose_running(learn_run.session, request)


def _typed(line: str, program: str) -> str:
    """Return one of a lesson's command lines as the user types it."""
    name, _, rest = line.partition(" ")
    return f"{program} {rest}" if name == "poolwise" else line


def _expectation(lesson: Lesson, chosen: int | None) -> Expectation:
    return Expectation(
        question=lesson.question.text,
        choices=lesson.question.choices,
        right=lesson.question.right,
        chosen=chosen,
    )
