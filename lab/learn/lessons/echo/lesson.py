"""An echo server for one client, and for 500: who serves whom, on how many threads."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Final

from cluster.echo import counts_of
from cluster.footprint import cpu_s
from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.echo.judge import SEQUENTIAL, Seen, claims, figures, summed, verdict
from lab.learn.lessons.echo.openings import check_openings
from lab.results.lesson import Bar, Findings, Lane, Scene
from lab.session.protocols import Worker
from producer.plan import Work
from tasks.lessons.echo import Visiting

#: The builds, in the order in which they are shown.
CAPTIONS: Final[Mapping[str, str]] = {
    SEQUENTIAL: "Only the first client gets an answer; the others give up.",
    "threaded": "Each client is served at once, by a thread of its own.",
    "gevent": "Each client is served at once, all by one thread: a greenlet each.",
    "asyncio": "Each client is served at once, all by one thread: a coroutine each.",
}
#: Seconds that a client waits for its first answer: from a server that will come to it, and from
#: one that will not.
PATIENCE_S: Final = 10.0
LITTLE_PATIENCE_S: Final = 1.0
SCENE_S: Final = 40.0
STOP_S: Final = 5.0
#: Tasks that the clients are dealt out to. One task each would be plainer, but fetching and
#: acknowledging 500 tasks takes a worker longer than all that is shown here.
TASKS: Final = 20
#: Clients that are drawn of each scene.
DRAWN: Final = 8


def run(context: Context) -> Findings:
    """Send the same clients to each server, one server after the other."""
    clients = context.count("clients")
    check_openings(
        clients, context.machine.processes, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    )
    [worker] = context.start(WorkerRequest(name="clients", pool="gevent", slots=TASKS))
    seen = {kind: _visited(context, worker, kind) for kind in CAPTIONS}
    return Findings(
        tables=(figures(seen, context.count("messages")),),
        claims=tuple(claims(seen)),
        verdict=verdict(seen),
    )


def _visited(context: Context, worker: Worker, kind: str) -> Seen:
    """Start a server, send the clients, and stop it."""
    cluster = context.session.cluster
    server, port = cluster.start_echo_server(kind)
    visiting = Visiting(
        meeting=context.traces.key(kind),
        clients=context.count("clients"),
        port=port,
        server_pid=server.pid,
        messages=context.count("messages"),
        patience_s=LITTLE_PATIENCE_S if kind == SEQUENTIAL else PATIENCE_S,
    )
    calls = [
        Call(
            work=Work(task="lessons.echo.visit", args=(asdict(visiting), part.start, len(part))),
            worker=worker,
            label=f"clients {part.start} to {part.stop - 1}",
        )
        for part in parts(visiting.clients)
    ]
    ran = context.run_scene(f"{kind} server", calls, SCENE_S)
    used_s = cpu_s(server.pid)
    cluster.stop([server], STOP_S)
    context.show(scene(ran, CAPTIONS[kind]))
    return summed(ran, visiting.clients, counts_of(server), used_s)


def parts(clients: int) -> list[range]:
    """Deal the clients, numbered from 1, out to the tasks, as evenly as can be."""
    ends = [clients * n // TASKS for n in range(TASKS + 1)]
    return [range(a + 1, b + 1) for a, b in pairwise(ends) if b > a]


def scene(ran: SceneRun, caption: str) -> Scene:
    """Draw a few of the clients, evenly among all by when they came, in a lane each."""
    came = sorted(
        (
            (task.started_s + handed["value"]["began_s"], handed)
            for task in ran.tasks
            for handed in task.value["clients"]
        ),
        key=lambda one: (not one[1]["value"]["served"], one[1]["value"]["connected_s"] or 0.0),
    )
    places = sorted({(len(came) - 1) * n // (DRAWN - 1) for n in range(DRAWN)})
    chosen = [came[at] for at in places]
    lanes = tuple(Lane(node="client", slot=str(one["value"]["number"])) for _, one in chosen)
    bars = tuple(
        Bar(
            lane=lane,
            doing=doing,
            what=what,
            who="",  # its lane says so
            started_s=began_s + from_s,
            finished_s=began_s + to_s,
        )
        for lane, (began_s, handed) in enumerate(chosen)
        for doing, what, from_s, to_s in handed["notes"]
    )
    return Scene(title=ran.title, caption=caption, lanes=lanes, bars=bars)


LESSON: Final = Lesson(
    name="echo",
    title="Five hundred clients on one thread",
    setting=(
        "20 tasks of a gevent worker, 25 greenlets each, are the 500 clients of a TCP echo server: "
        "a client connects, says hello, stays until all have come, and then exchanges a few "
        "messages. Four builds of the server in turn: sequential, threaded, gevent, asyncio."
    ),
    question=Question(
        text="How many of 500 clients does a server serve that calls talk(accept()) in a loop?",
        choices=("all, a little slower", "as many as there are cores", "only the first"),
        right=2,
    ),
    tasks=frozenset({"lessons.echo.visit"}),
    dials=(
        Dial(flag="--clients", default=500, low=2, high=2_000, help="Clients of each server."),
        Dial(flag="--messages", default=4, low=1, high=100, help="Messages of each client."),
    ),
    run=run,
    lecture=(
        "The lecture patches the standard library for gevent and then calls its talk function in "
        "the accept loop, so that it serves one client for as long as that stays; the function was "
        "to be spawned. Here that fault is the first of four servers. Its loop also never looks "
        "for the empty read that says the client has left, and its client counts on a reply being "
        "all there in one read. On a cluster the same holds for a task that waits in a loop: a "
        "slot that talks with one peer serves nobody else, whatever the pool."
    ),
    turn_next=(
        "poolwise learn echo --clients 1000",
        "poolwise learn echo --messages 50",
        "poolwise learn io-models",
    ),
)
