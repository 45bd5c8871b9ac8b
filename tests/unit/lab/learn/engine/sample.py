"""A lesson as it was taught once, made by hand."""

from __future__ import annotations

from lab.results.lesson import (
    SCHEMA_VERSION,
    Bar,
    Claim,
    Column,
    Expectation,
    Findings,
    Lane,
    LessonResult,
    Scene,
    Table,
    Wait,
)
from tests.unit.lab.on_what import HOST, VERSIONS

CYCLE = (
    Wait(who="first", what="lock b", holder="second"),
    Wait(who="second", what="lock a", holder="first"),
)


def bar(lane: int, started_s: float, finished_s: float, what: str = "pause") -> Bar:
    return Bar(
        lane=lane,
        doing="waits",
        what=what,
        who=f"take {lane}",
        started_s=started_s,
        finished_s=finished_s,
    )


def scene(lanes: int = 2, **more: object) -> Scene:
    return Scene(
        title="threads: pause",
        caption="All pause.",
        lanes=tuple(Lane(node="threads@here", slot=f"11/{n}") for n in range(lanes)),
        bars=tuple(bar(n, 0.0, 1.0 + n) for n in range(lanes)),
        **more,  # type: ignore[arg-type]
    )


def result(
    *, holds: bool = True, chosen: int | None = None, scenes: tuple[Scene, ...] = ()
) -> LessonResult:
    return LessonResult(
        schema_version=SCHEMA_VERSION,
        kind="lesson",
        lesson="gil",
        title="What is learnt",
        setting="What is run.",
        started_at="2026-11-23T14:12:00+00:00",
        elapsed_s=12.0,
        command="poolwise learn gil",
        broker="embedded",
        workers=(),
        versions=VERSIONS,
        host=HOST,
        clock_error_s=0.000_2,
        expectation=Expectation(
            question="How many?", choices=("all", "few"), right=1, chosen=chosen
        ),
        scenes=scenes or (scene(waits_for=CYCLE),),
        findings=Findings(
            tables=(
                Table(
                    title="What became of it",
                    columns=(Column(heading="where"), Column(heading="time", unit="seconds")),
                    rows=(("threads", 1.5), ("gevent", None)),
                ),
            ),
            claims=(Claim(says="threads lose updates", holds=holds, seen="99 of 100 lost"),),
            verdict="They were lost. A lock lost none.",
        ),
        lecture="The lecture says so.",
        turn_next=("poolwise learn gil --pause-ms 0",),
    )
