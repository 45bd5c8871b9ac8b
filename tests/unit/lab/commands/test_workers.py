"""The list of workers never cuts a name, because the user needs it for the next command."""

from __future__ import annotations

import pytest

from cluster.discovery import DiscoveredWorker
from lab.commands.workers import show


def worker(node: str, host: str) -> DiscoveredWorker:
    return DiscoveredWorker(
        node=node,
        pool="gevent",
        concurrency=200,
        queues=("gevent", "io"),
        pid=7,
        host=host,
        here=False,
        probe=True,
        switchable=True,
        tasks=frozenset(),
    )


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_no_name_is_cut_at_any_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    nodes = ["gevent@4432fe7f77eb", "gevent@49afd0517e8e"]
    show([worker(node, node.partition("@")[2]) for node in nodes])
    printed = capsys.readouterr().out
    assert all(node in printed for node in nodes)
    assert "host" not in printed


def test_the_host_is_shown_if_the_name_does_not_contain_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([worker("gevent@poolwise", "bench-1")])
    assert "bench-1" in capsys.readouterr().out
