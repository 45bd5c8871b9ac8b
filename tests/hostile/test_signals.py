"""A command that gets a signal at any moment ends as documented and leaves nothing running."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

import pytest

from cluster.local import WorkerSpec
from tests.hostile.moments import SPANS_S, UP, Trial, ended, kills
from tests.hostile.side_by_side import side_by_side
from tests.hostile.trial import assert_clean_end
from tests.shared_session import SharedSession

SEED: Final = 12
KILLS: Final = 9
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: The node that the commands below ask.
NODE: Final = "signals"
SWITCH: Final = ("switch", NODE, "--pool", "threads", "--concurrency", "2")
WORKERS: Final = ("workers",)
#: The same, with the seconds that each takes.
CLIENTS_S: Final = {SWITCH: 2.0, WORKERS: 2.5}
#: How a command may end that was quicker than the signal, if not with 0: `up` never ends by itself,
#: and a switch may find the worker switching already.
QUICKER: Final[Mapping[tuple[str, ...], frozenset[int]]] = {
    UP: frozenset(),
    SWITCH: frozenset({0, 4}),
}

Ends = Mapping[Trial, Future[subprocess.CompletedProcess[str]]]


def trials() -> list[Trial]:
    """Return a trial for each command and each signal."""
    moments = random.Random(SEED)  # noqa: S311 - no secret
    return [
        Trial(command=command, number=number, moment_s=moments.uniform(0, span_s))
        for command, span_s in {**SPANS_S, **CLIENTS_S}.items()
        for number in ENDING
    ]


TRIALS: Final = [
    *trials(),
    # In the first moment that a command handles signals.
    *(Trial(command=WORKERS, number=number, moment_s=0) for number in ENDING),
    *kills(SEED, KILLS),
]


@pytest.fixture(scope="module")
def ends(shared: SharedSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    """Run all trials side by side."""
    cluster, base = shared.cluster, tmp_path_factory.mktemp("signals")
    spec = WorkerSpec(
        name=NODE,
        pool="threads",
        concurrency=1,
        queues=(NODE,),
        broker_url=cluster.broker_url,
    )
    cluster.start_workers([spec])
    at_broker = ("--broker", cluster.broker_url)
    with side_by_side(
        {
            trial: partial(
                ended, trial, base / str(number), at_broker if trial.command in CLIENTS_S else ()
            )
            for number, trial in enumerate(TRIALS)
        }
    ) as futures:
        yield futures


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_a_signal_ends_a_command_as_documented(trial: Trial, ends: Ends) -> None:
    done = ends[trial].result()
    if trial.number == signal.SIGKILL:
        assert done.returncode in {-signal.SIGKILL, 0}
        return
    assert_clean_end(done, codes={128 + trial.number, *QUICKER.get(trial.command, {0})})
    assert "Exception ignored" not in done.stderr
    assert done.stderr.count("interrupted") <= 1


def test_nothing_slow_is_imported_before_signals_are_handled() -> None:
    program = "import sys; before = {*sys.modules}; import lab.commands.start; "
    program += "print(*{name.partition('.')[0] for name in {*sys.modules} - before})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert not {*done.stdout.split()} & {"typing", "click", "redis", "kombu", "celery", "rich"}
    assert len(done.stdout.split()) < 25
