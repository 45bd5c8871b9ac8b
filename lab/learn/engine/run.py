"""Teaches lessons one after the other, on a cluster started for them or on one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from cluster.found import Asking, Found, find_workers
from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.events import LessonEvents
from lab.learn.engine.exclusive import check_free, exclusively
from lab.learn.engine.lesson import Lesson
from lab.results.lesson import SCHEMA_VERSION, Expectation, LessonResult
from lab.session import about
from lab.session.borrowed import BorrowedWorkers, chosen, nobody
from lab.session.interpreter import Interpreter, without_gil
from lab.session.session import Session, require
from lab.session.started import PoolConfig, StartedWorkers
from producer import broker
from producer.broker import redacted
from producer.queues import remove
from tasks.celery import app, use_broker
from tasks.errors import UsageError, WorkerError
from worker.pools import POOLS
from worker.probe import Clock

#: The fewest slots of a worker that a lesson can be shown on.
SEVERAL = 2
#: Asks the learner what to expect; returns the index of the choice, or None.
Ask = Callable[[Lesson], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOptions:
    """What is to be taught, and how."""

    lessons: Sequence[Lesson]
    pools: tuple[str, ...]  # those to show; empty: all that the lesson has
    dials: Mapping[str, float]  # those that were turned
    broker_url: str | None  # None: an embedded one
    on_running: bool  # take the workers that run at the broker
    python: Path | None
    command_line: str  # that ask for the same again, each after a space, without a password


def run_lessons(
    options: LearnOptions, folder: Path, machine: Machine, events: LessonEvents, ask: Ask
) -> Generator[LessonResult]:
    """Yield each lesson as it was taught; close the generator to end what was started.

    Raises PoolwiseError where a lesson cannot be taught.
    """
    for lesson in options.lessons:
        check(lesson, options.pools)
        if lesson.here or not options.on_running:
            _check_modules(lesson, options.pools)
    python = _another_python(options)
    app.loader.import_default_modules()
    with (
        LocalCluster(folder, options.broker_url) as cluster,
        Asking(app, cluster.broker_url) as asking,
        app.connection_for_write(cluster.broker_url) as connection,
    ):
        use_broker(cluster.broker_url)
        session = Session(
            app=app,
            cluster=cluster,
            asking=asking,
            connection=connection,
            clock=Clock.read(cluster.redis),
            machine=machine,
            events=events,
            python=python,
        )
        started = StartedWorkers(cluster, f"poolwise-{folder.name}-{uuid4().hex[:8]}", events=False)
        try:
            for lesson in options.lessons:
                events.began(lesson)
                check_free(cluster.redis)  # rather than after the learner has thought about it
                expected = ask(lesson)
                run = f"{folder.name}.{lesson.name}.{uuid4().hex[:8]}"  # nobody else's, anywhere
                with exclusively(cluster.redis, lesson.name):
                    yield _taught(options, lesson, session, started, run, expected)
        finally:
            try:
                # A worker that is still starting would declare its queue after all.
                cluster.stop_all_but_broker()
            finally:
                remove(connection, started.queues)


def check(lesson: Lesson, pools: Sequence[str]) -> None:
    """Raise UsageError where `lesson` cannot be shown on `pools` alone, or here."""
    if pools and not lesson.workers:
        raise UsageError(f"{lesson.name} starts the workers that it compares: leave --pools out")
    strange = [pool for pool in pools if pool not in lesson.workers]
    if strange:
        raise UsageError(
            f"{lesson.name} has nothing to show on {strange[0]}, only on {_list(lesson.workers)}"
        )
    missing = sorted(lesson.needs - set(pools)) if pools else []
    if missing:
        raise UsageError(f"{lesson.name} needs {_list(missing)}: name it, or leave --pools out")


def _check_modules(lesson: Lesson, pools: Sequence[str]) -> None:
    """Raise UsageError where a worker would have to be started that cannot run here."""
    shown = _shown(lesson, pools)
    for name in shown:
        others = ",".join(other for other in shown if other != name)
        otherwise = f", or show {others} alone with --pools" if others else ""
        require(POOLS[name], "" if name in lesson.needs else otherwise)


def _another_python(options: LearnOptions) -> Interpreter | None:
    if options.python is None or not any(lesson.another_python for lesson in options.lessons):
        return None
    return without_gil(options.python)


def _taught(
    options: LearnOptions,
    lesson: Lesson,
    session: Session,
    started: StartedWorkers,
    run: str,
    expected: int | None,
) -> LessonResult:
    began_s = time.monotonic()
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    shown = _shown(lesson, options.pools)
    visits = options.on_running and not lesson.here
    guests = _guests(options, lesson, session, shown) if visits else {}
    if visits:
        started.prepare((), session.events.starting)
    workers = BorrowedWorkers(session.asking, run, guests) if visits else started
    dials = {dial.name: options.dials.get(dial.name, dial.default) for dial in lesson.dials}
    context = Context(session, run, workers, _configs(lesson, shown, guests, visits=visits), dials)
    with ExitStack() as steps:
        if visits:
            steps.callback(lambda: remove(session.connection, workers.queues))
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
        command=f"poolwise learn {lesson.name}{options.command_line}",
        broker=redacted(options.broker_url) if options.broker_url else "embedded",
        workers=tuple(one.node for one in guests.values()),
        versions=about.versions(
            broker.version(session.cluster.redis), embedded=session.cluster.embedded
        ),
        host=about.host(session.machine),
        clock_error_s=context.clock_error_s,
        expectation=Expectation(
            question=lesson.question.text,
            choices=lesson.question.choices,
            right=lesson.question.right,
            chosen=expected,
        ),
        scenes=tuple(context.scenes),
        findings=findings,
        lecture=lesson.lecture,
        turn_next=lesson.turn_next,
    )


def _shown(lesson: Lesson, pools: Sequence[str]) -> list[str]:
    return [pool for pool in lesson.workers if not pools or pool in pools]


def _configs(
    lesson: Lesson, shown: Sequence[str], guests: Mapping[str, Found], *, visits: bool
) -> dict[str, PoolConfig]:
    if visits:
        return {n: PoolConfig(pool=POOLS[n], slots=one.concurrency) for n, one in guests.items()}
    return {name: PoolConfig(pool=POOLS[name], slots=lesson.workers[name]) for name in shown}


def _guests(
    options: LearnOptions, lesson: Lesson, session: Session, shown: Sequence[str]
) -> dict[str, Found]:
    """Find, among the workers that run, one of each pool that is to be shown.

    Raises WorkerError where nobody answers, or none of a pool that cannot be done without.
    """
    if not shown:
        return {}
    found = find_workers(session.asking)
    url = redacted(options.broker_url or "")
    if not found:
        raise WorkerError(nobody(url))
    roomy = [one for one in found if one.concurrency >= SEVERAL]
    if not roomy:
        raise WorkerError(
            f"{lesson.name} shows what several slots do, and no worker at {url} has more than one: "
            f"poolwise switch {found[0].node} --pool threads --concurrency 4 --broker {url}"
        )
    best = chosen(roomy, shown, lesson.tasks)
    for name in shown:
        if name not in best and (name in lesson.needs or name in options.pools):
            there = ", ".join(f"{w.node}: {words.pool(w.pool, w.concurrency)}" for w in found)
            raise WorkerError(
                f"{lesson.name} needs a {name} worker of {SEVERAL} slots or more, and none that "
                f"can take part answers at {url} (there are {there}); "
                f"change one with poolwise switch NODE --pool {name} --broker {url}"
            )
    return {name: best[name] for name in shown if name in best}


def _list(names: Sequence[str] | Mapping[str, int]) -> str:
    return ", ".join(names)
