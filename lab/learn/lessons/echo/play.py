"""The scenes of the lesson `echo`: the same clients visit each build of the echo server.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Final

from cluster.echo import counts_of
from cluster.footprint import cpu_s
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.echo.server_run import SEQUENTIAL, ServerRun, server_run
from lab.results.lesson import Bar, Lane, Scene
from lab.session.protocols import Worker
from producer.plan import Work
from tasks.lessons import echo as echo_tasks

#: The builds in the order in which they are shown, and what to look at.
CAPTIONS: Final[Mapping[str, str]] = {
    SEQUENTIAL: "Only the first client gets an answer; the others give up.",
    "threaded": "All clients are served at once, each by its own thread.",
    "gevent": "All clients are served at once by one thread, each in a greenlet.",
    "asyncio": "All clients are served at once by one thread, each in a coroutine.",
}
#: Seconds that a client waits for its first answer: from a server that serves all clients, and
#: from the sequential one.
PATIENCE_S: Final = 10.0
SHORT_PATIENCE_S: Final = 1.0
SCENE_S: Final = 40.0
STOP_S: Final = 5.0
#: Tasks that share the clients. One task for each client would be simpler, but fetching and
#: acknowledging 500 tasks takes a worker longer than everything that is shown here.
TASKS: Final = 20
#: Clients drawn of each scene.
DRAWN: Final = 8


def play(context: Context) -> dict[str, ServerRun]:
    """Send the same clients to each server, one server after the other."""
    [worker] = context.start(WorkerRequest(name="clients", pool="gevent", slots=TASKS))
    return {kind: _visit(context, worker, kind) for kind in CAPTIONS}


def _visit(context: Context, worker: Worker, kind: str) -> ServerRun:
    """Start a server, send the clients, and stop the server."""
    cluster = context.session.cluster
    server, port = cluster.start_echo_server(kind)
    settings = echo_tasks.ClientSettings(
        rendezvous=context.traces.key(kind),
        clients=context.count("clients"),
        port=port,
        server_pid=server.pid,
        messages=context.count("messages"),
        patience_s=SHORT_PATIENCE_S if kind == SEQUENTIAL else PATIENCE_S,
    )
    calls = [
        Call(
            work=Work(task=echo_tasks.visit.name, args=(asdict(settings), share.start, len(share))),
            worker=worker,
            label=f"clients {share.start} to {share.stop - 1}",
        )
        for share in shares(settings.clients)
    ]
    ran = context.run_scene(f"{kind} server", calls, SCENE_S)
    used_s = cpu_s(server.pid)
    cluster.stop([server], STOP_S)
    context.show(draw(ran, CAPTIONS[kind]))
    return server_run(ran, settings.clients, counts_of(server), used_s)


def shares(clients: int) -> list[range]:
    """Split the clients, numbered from 1, evenly over the tasks."""
    ends = [clients * n // TASKS for n in range(TASKS + 1)]
    return [range(a + 1, b + 1) for a, b in pairwise(ends) if b > a]


def draw(ran: SceneRun, caption: str) -> Scene:
    """Draw a lane for each of a few clients: served ones first, spread by when they connected."""
    clients = sorted(
        (
            (task.started_s + handed_in["value"]["began_s"], handed_in)
            for task in ran.tasks
            for handed_in in task.value["clients"]
        ),
        key=lambda one: (not one[1]["value"]["served"], one[1]["value"]["connected_s"] or 0.0),
    )
    indexes = sorted({(len(clients) - 1) * n // (DRAWN - 1) for n in range(DRAWN)})
    drawn = [clients[index] for index in indexes]
    lanes = tuple(Lane(node="client", slot=str(one["value"]["number"])) for _, one in drawn)
    bars = tuple(
        Bar(
            lane=lane,
            doing=doing,
            what=what,
            who="",  # the lane's name shows it
            started_s=began_s + from_s,
            finished_s=began_s + to_s,
        )
        for lane, (began_s, handed_in) in enumerate(drawn)
        for doing, what, from_s, to_s in handed_in["notes"]
    )
    return Scene(title=ran.title, caption=caption, lanes=lanes, bars=bars)
