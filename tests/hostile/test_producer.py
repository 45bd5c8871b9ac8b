"""`python -m producer` sends nothing unless it is asked to, and rejects invalid settings."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cluster.wait import wait_until
from producer.__main__ import main
from tests.hostile.real_server import real
from tests.hostile.resp_server import Act, always, serving
from tests.hostile.trial import assert_clean_end

LONG = "9" * 5_000
#: What a broker answers to everything once it has turned strange.
TURNS: dict[str, bytes | Act] = {
    "closed": Act.CLOSE,
    "OK": b"+OK\r\n",
    "full": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
}


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the producer inside this process, to an end before it sends anything."""
    code = main(list(arguments))
    shown = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, code, shown.out, shown.err)


def producer(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the producer as a process."""
    return subprocess.run(
        [sys.executable, "-m", "producer", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["--help", "-h", "--unknown", "-x", "word", "--rate 5"])
def test_a_question_or_a_mistake_sends_nothing(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    help_wanted = "-h" in arguments
    done = ended(capsys, *arguments.split())
    assert_clean_end(done, codes={0} if help_wanted else {2})
    for word in ("LOAD_RATE", "LOAD_MIX", "LOAD_QUEUES", "CELERY_BROKER_URL"):
        assert (word in done.stdout) == help_wanted


@pytest.mark.parametrize("argument", ["--help", "--unknown"])
def test_the_program_itself_does_not_connect_to_answer(argument: str) -> None:
    with serving(always(Act.SILENCE)) as server:
        done = producer(argument, CELERY_BROKER_URL=server.url)
        assert server.connections == 0
    assert_clean_end(done, codes={0, 2})


MANY = ",".join(f"q{number}" for number in range(1_000))
INVALID = {
    "LOAD_RATE": (
        *("nan", "inf", "-inf", "-1", "-0.5", "1e-320", "1e-9", "1e308", "1e999", "1001", LONG),
        *("x", "1,5", "1 2", "0x10", "--help", "20\n30", "\x1b[31m"),
    ),
    "LOAD_MIX": (
        *(",", "=", "=1", "cpu.burn=x", "cpu.burn=-1", "cpu.burn=1e3", "cpu.burn=0", "cpu.burn=²"),
        *(f"cpu.burn={LONG}", "cpu.burn=1=2", "cpu.burn;io.sleep", "a\nb", "x" * 9_999),
    ),
    "LOAD_QUEUES": (
        *(",", " , ", "a\nb", "a\x06\x16b", "\x1b[31m", "unacked", "_kombu.binding.io"),
        *("poolwise:records", "q" * 9_999, MANY),
    ),
}
REJECTED = [(variable, value) for variable, values in INVALID.items() for value in values]


@pytest.mark.parametrize(("variable", "value"), REJECTED, ids=lambda text: repr(text[:20]))
def test_an_invalid_setting_is_rejected_in_one_line(
    variable: str,
    value: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    line = assert_clean_end(ended(capsys), codes={2})
    assert variable in line
    assert len(line) < 400
    assert line.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2/x@127.0.0.1:1/0",
        "redis:hunter2@127.0.0.1:1",
        "rediss://:hunter2@[::1/0",
        "rediss://:hunter2@127.0.0.1:1?ssl_cert_reqs=maybe",
        "amqp://user:hunter2@127.0.0.1//",
        "redis://a/0;redis://:hunter2@b/0",
    ],
)
def test_an_invalid_address_is_rejected_without_showing_it(url: str) -> None:
    line = assert_clean_end(producer(CELERY_BROKER_URL=url), codes={2}, secrets=["hunter2"])
    assert "CELERY_BROKER_URL" in line or "invalid value" in line


def test_an_invalid_address_for_the_records_is_rejected_without_showing_it() -> None:
    done = producer(POOLWISE_RECORDS_URL="redis://:hunter2/x@127.0.0.1:1/0")
    line = assert_clean_end(done, codes={2}, secrets=["hunter2"])
    assert "POOLWISE_RECORDS_URL" in line


@pytest.mark.parametrize("turn", TURNS)
def test_a_broker_that_turns_strange_is_reported_and_waited_for(turn: str, tmp_path: Path) -> None:
    turned = threading.Event()

    def script(_number: int, _words: list[bytes]) -> bytes | Act:
        return TURNS[turn] if turned.is_set() else Act.FORWARD

    with real(tmp_path) as port, serving(script, port) as proxy:
        variables = {"CELERY_BROKER_URL": proxy.url, "LOAD_RATE": "100"}
        process = subprocess.Popen(
            [sys.executable, "-m", "producer"],
            env={**os.environ, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            process.stderr.readline()
            wait_until(lambda: proxy.commands > 50, 20, lambda: AssertionError(proxy.commands))
            turned.set()
            said = process.stderr.readline()
        finally:
            process.terminate()
            rest = process.communicate(timeout=30)[1]
    assert "retrying" in said
    assert "Traceback" not in said + rest
    assert process.returncode == 0


def test_it_says_where_it_sends_and_how_fast_before_it_connects() -> None:
    said: list[str] = []
    with serving(always(Act.SILENCE)) as server:
        url = server.url.replace("redis://", "redis://:hunter2@")
        process = subprocess.Popen(
            [sys.executable, "-m", "producer"],
            env={**os.environ, "CELERY_BROKER_URL": url, "LOAD_RATE": "7"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            said.append(process.stderr.readline())
        finally:
            process.terminate()
            rest = process.communicate(timeout=30)[1]
    assert "7 tasks per second" in said[0]
    assert url.replace("hunter2", "***") in said[0]
    assert "hunter2" not in rest
    assert process.returncode == 0
