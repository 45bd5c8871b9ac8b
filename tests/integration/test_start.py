"""The console script exits with the right code and all its output, whatever ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: A command that gets a signal in `__del__`, where Python swallows exceptions, then works on or
#: ends.
SWALLOWS = """
import signal, sys, time
from lab.commands import cli, start

class Tidy:
    def __del__(self):
        signal.raise_signal(signal.{number})

def main():
    Tidy()
    try:
        time.sleep({works_s})  # the command's work, which the signal interrupts
    finally:
        sys.stdout.write("unwound")
    return 0

cli.cli.main = main
start.run()
"""

#: A command that ends with unflushed output.
LEAVES_OUTPUT = """
import sys
from lab.commands import cli, start

cli.cli.main = lambda: sys.stdout.write("last words") and 3
start.run()
"""


#: A command started without standard streams, as a supervisor may do.
WITHOUT_STREAMS = """
import os, sys
from lab.commands import cli, start

os.close(1), os.close(2)
sys.stdout = sys.stderr = None
cli.cli.main = lambda: 0
start.run()
"""

#: A command that sends tasks whose results are stored, to a broker that is gone by the second time.
#: Celery subscribes to each result, and unsubscribes in `__del__`.
LOSES_ITS_BROKER = """
import sys
from pathlib import Path
import click
from cluster.local import LocalCluster
from lab.commands import cli, start
from producer.broker import connection
from producer.plan import Work, burst
from producer.records import Clock
from producer.submit import Submitter
from producer.submit_options import SubmitOptions
from tasks.celery import app, use_broker

folder = Path(sys.argv.pop())

@click.command
def lose():
    app.loader.import_default_modules()
    with LocalCluster(folder) as cluster:
        use_broker(cluster.broker_url)
        options = SubmitOptions(run="run", queue="threads", store_result=True)
        with connection(app) as there:
            submitter = Submitter(app, there, Clock.read(cluster.redis))
            for _ in range(2):
                submitter.submit(burst(Work(task="io.sleep", args=(0,)), 3), options)
                cluster.close()

cli.cli.get_command = lambda *_: lose
start.run()
"""


def test_a_broker_that_is_gone_while_tasks_are_sent_gets_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSES_ITS_BROKER, "lose", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: lost the connection to the broker")


@pytest.mark.parametrize(
    ("program", "code", "printed"),
    [
        (SWALLOWS.format(number="SIGTERM", works_s=0), 143, "unwound"),
        (SWALLOWS.format(number="SIGTERM", works_s=60), 143, "unwound"),
        (SWALLOWS.format(number="SIGINT", works_s=0), 130, "unwound"),
        (SWALLOWS.format(number="SIGINT", works_s=60), 130, "unwound"),
        (LEAVES_OUTPUT, 3, "last words"),
        (WITHOUT_STREAMS, 0, ""),
    ],
)
def test_the_exit_code_is_right_and_all_output_is_written(
    program: str, code: int, printed: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (code, printed)
