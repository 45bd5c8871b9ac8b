"""Advice from start to end: opens a session, prepares what the task needs, inquires, judges."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster.machine import Machine
from lab.advise.advise_options import AdviseOptions
from lab.advise.events import AdviseEvents
from lab.advise.hooks import prepared
from lab.advise.inquiry import Inquiry, Setting, TaskInquiry
from lab.advise.judge import judged
from lab.advise.mix.inquiry import MixInquiry
from lab.advise.risks.caveats import Caveats
from lab.advise.search.budget import Budget
from lab.project.candidates import Room
from lab.project.project import Project
from lab.project.workers import ProjectWorkers
from lab.results.advice import SCHEMA_VERSION, AdviceResult, AdviceSettings
from lab.session.session import open_session
from lab.session.versions import host, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """The result, and what ended the search early."""

    result: AdviceResult
    ended_by: BaseException | None = None


def advise(options: AdviseOptions, project: Project, folder: Path, events: AdviseEvents) -> Advised:
    """Find out what to deploy; if the search ends early, from what is known by then.

    `folder` takes the logs. Raises PoolwiseError if the task cannot be measured, and whatever ended
    the first tries.
    """
    started_at, started_s, machine = datetime.now(UTC), time.monotonic(), Machine.this()
    with open_session(folder, None, machine) as session:
        setting = Setting(
            options=options,
            project=project,
            session=session,
            workers=ProjectWorkers(session, project),
            room=Room.of(machine, options.memory_bytes),
            caveats=Caveats(project.folder),
            events=events,
        )
        inquiry: Inquiry | None = None
        ended_by: BaseException | None = None
        try:
            with prepared(session.cluster, project.folder, options.hooks, events.teardown_failed):
                budget = Budget(options.budget_s)
                inquiry = _inquiry(setting, budget)
                inquiry.search()
        except BaseException as ending:
            if inquiry is None:
                raise
            ended_by = ending  # what is known by then is kept
        blank = AdviceResult(
            schema_version=SCHEMA_VERSION,
            kind="advice",
            run_id=session.run,
            started_at=started_at.isoformat(timespec="seconds"),
            elapsed_s=time.monotonic() - started_s,
            versions=versions(session.cluster),
            host=host(machine),
            settings=_settings(options, project),
            profile=inquiry.profile,
            candidates=(),
            warnings=(),
            answer=None,
            interrupted=ended_by is not None,
        )
        return Advised(result=judged(blank, setting, inquiry), ended_by=ended_by)


def _inquiry(setting: Setting, budget: Budget) -> Inquiry:
    mix = setting.options.mix
    return TaskInquiry(setting, budget) if mix is None else MixInquiry(setting, mix, budget)


def _settings(options: AdviseOptions, project: Project) -> AdviceSettings:
    return AdviceSettings(
        app=options.app,
        tasks=options.tasks,
        calls=len(options.calls),
        celery=project.description.celery,
        python=project.description.python,
        budget_s=options.budget_s,
        memory_bytes=options.memory_bytes,
        slo_s=None if options.slo is None else options.slo.seconds,
        slo_percentile=95.0 if options.slo is None else options.slo.percentile,
        seed=options.seed,
        command=options.command,
        core_cost=None if options.cost is None else options.cost.core,
        gb_cost=None if options.cost is None else options.cost.gb,
    )
