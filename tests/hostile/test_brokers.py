"""Whatever a broker does, a command ends with one line and exit code 3, and shows no secret."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import cluster.discovery
import producer.broker
from cluster.ports import LOOPBACK, free_port
from tests.hostile.in_process import run
from tests.hostile.real_server import real
from tests.hostile.resp_server import Act, Script, after, always, echo, serving
from tests.hostile.trial import assert_clean_end

SECRET = "hunter2"  # noqa: S105 - it opens nothing
COMMANDS = {
    "race": ("race", "--quick"),
    "race on running": ("race", "--on-running"),
    "learn": ("learn", "gil"),
    "learn on running": ("learn", "gil", "--on-running"),
    "up": ("up", "--port", "0", "--flower-port", "0"),
    "workers": ("workers",),
    "workers as JSON": ("workers", "--json"),
    "switch": ("switch", "w", "--pool", "threads"),
}


def error(text: str) -> Script:
    """Answer every command with an error."""
    return always(f"-{text}\r\n".encode())


ANSWERS: dict[str, Script] = {
    "OK": always(b"+OK\r\n"),
    "PONG": always(b"+PONG\r\n"),
    "1": always(b":1\r\n"),
    "0": always(b":0\r\n"),
    "null": always(b"$-1\r\n"),
    "null list": always(b"*-1\r\n"),
    "empty list": always(b"*0\r\n"),
    "empty text": always(b"$0\r\n\r\n"),
    "nested lists": always(b"*1\r\n" * 7 + b":1\r\n"),
    "true": always(b"#t\r\n"),
    "map": always(b"%1\r\n+server\r\n+redis\r\n"),
    "garbage": always(b"\x00\xff\xfe\r\n\r\n"),
    "HTTP": always(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "negative length": always(b"$-9\r\nx\r\n"),
    "length that is no number": always(b"$x\r\nx\r\n"),
    "closed": always(Act.CLOSE),
    "silence": always(Act.SILENCE),
    "half an answer": always(b"$100\r\nx"),
    "echo": echo,
    "loading": error("LOADING Redis is loading the dataset in memory"),
    "read-only": error("READONLY You can't write against a read only replica."),
    "full": error("OOM command not allowed when used memory > 'maxmemory'."),
    "no primary": error("MASTERDOWN Link with MASTER is down"),
    "cluster": error("MOVED 3999 127.0.0.1:6381"),
    "cluster without an address": error("MOVED"),
    "cluster down": error("CLUSTERDOWN The cluster is down"),
    "no disk": error("MISCONF Redis is configured to save RDB snapshots, but cannot"),
    "protected mode": error("DENIED Redis is running in protected mode"),
    "too many clients": error("ERR max number of clients reached"),
    "no password needed": error("ERR Client sent AUTH, but no password is set"),
    "wrong password": error("WRONGPASS invalid username-password pair or user is disabled."),
    "not permitted": error("NOPERM User default has no permissions to run the 'ping' command"),
    "unknown error": error("SURPRISE and more"),
    "empty error": error(""),
}


#: Answers that a command waits for in vain, with the seconds that it gives each of them here. With
#: every other answer it has the usual time, which it may need on a busy machine.
IN_VAIN_S = {"silence": 1.0, "half an answer": 0.2}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Write nothing into the working folder; ask once for workers, because there are none."""
    monkeypatch.setattr(cluster.discovery, "TRIES", 1)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def answer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an answer; if it never comes, that counts as an error soon."""
    if request.param in IN_VAIN_S:
        monkeypatch.setattr(producer.broker, "PATIENCE_S", IN_VAIN_S[request.param])
    return str(request.param)


def with_secret(url: str) -> str:
    """Return an address that logs in as a user with a password."""
    return url.replace("redis://", f"redis://user:{SECRET}@")


@pytest.mark.parametrize("answer", ANSWERS, indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_no_usable_broker(command: str, answer: str, tmp_path: Path) -> None:
    with serving(ANSWERS[answer]) as server:
        done = run(*COMMANDS[command], env={"POOLWISE_BROKER": with_secret(server.url)})
    assert_clean_end(done, codes={3}, secrets=[SECRET])
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a real server, with a user for each kind of missing right."""
    with real(tmp_path_factory.mktemp("server")) as port:
        client = redis.Redis(port=port)
        for name, rights in USERS.items():
            client.execute_command(  # type: ignore[no-untyped-call]
                "ACL", "SETUSER", name, "on", f">{SECRET}", *rights.split()
            )
        client.close()
        yield port


USERS = {
    "everything": "~* &* +@all",
    "nothing": "",
    "no-commands": "~* &*",
    "ping-only": "~* &* +ping +hello",
    "read-only": "~* &* +@all -@write",
    "no-info": "~* &* +@all -info",
    "one-prefix": "~shop:* &* +@all",
    "no-channels": "~* resetchannels +@all",
    "no-publish": "~* &* +@all -publish",
    "no-subscribe": "~* &* +@all -psubscribe",
    "no-transactions": "~* &* +@all -multi",
    "no-receive": "~* &* +@all -brpop",
    "no-scripts": "~* &* +@all -@scripting",
    "no-records": "~* &* +@all -xadd",
    "no-reading": "~* &* +@all -xread",
    "no-hashes": "~* &* +@all -hset",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("user", sorted(USERS.keys() - {"everything"}))
def test_a_user_without_rights(command: str, user: str, server: int) -> None:
    url = f"redis://{user}:{SECRET}@{LOOPBACK}:{server}/0"
    done = run(*COMMANDS[command], env={"POOLWISE_BROKER": url})
    line = assert_clean_end(done, codes={3}, secrets=[SECRET])
    assert "ACL" in line


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("login", "path", "words"),
    [
        ("", "/99", "no database with this number"),
        (f"nobody:{SECRET}@", "/0", "password"),
    ],
    ids=["database", "unknown user"],
)
def test_an_address_that_the_server_rejects(
    command: str, login: str, path: str, words: str, server: int
) -> None:
    url = f"redis://{login}{LOOPBACK}:{server}{path}"
    done = run(*COMMANDS[command], env={"POOLWISE_BROKER": url})
    assert words in assert_clean_end(done, codes={3}, secrets=[SECRET])


SERVERS = {
    "replica": (("--replicaof", f"{LOOPBACK} 1"), "read-only replica"),
    "replica without old data": (
        ("--replicaof", f"{LOOPBACK} 1", "--replica-serve-stale-data", "no"),
        "without a connection to its primary",
    ),
    "full": (("--maxmemory", "1kb", "--maxmemory-policy", "noeviction"), "memory is full"),
    "few clients": (("--maxclients", "1"), "too many clients"),
    "password": (("--requirepass", SECRET), "requires a password"),
    "no replicas": (("--min-replicas-to-write", "1"), "too few of its replicas"),
    "cluster": (
        ("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
        "Redis Cluster",
    ),
}


@pytest.fixture(scope="module", params=SERVERS)
def unusable(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, str]]:
    """Run a real server that cannot be a broker; yield its port, and why not."""
    options, words = SERVERS[request.param]
    with real(tmp_path_factory.mktemp("unusable"), *options) as port:
        yield port, words


@pytest.mark.parametrize("command", COMMANDS)
def test_a_real_server_that_cannot_be_a_broker(command: str, unusable: tuple[int, str]) -> None:
    port, words = unusable
    with socket.create_connection((LOOPBACK, port)):  # the only client, if there may be one only
        done = run(*COMMANDS[command], env={"POOLWISE_BROKER": f"redis://{LOOPBACK}:{port}/0"})
    assert words in assert_clean_end(done, codes={3})


#: What a real server starts to do after some commands, in the middle of a command of Poolwise.
TURNS = (
    *("OK", "1", "null", "empty list", "nested lists", "garbage", "closed", "silence", "echo"),
    *("loading", "read-only", "full", "cluster", "unknown error"),
)


@pytest.mark.parametrize("count", [0, 2, 5, 12, 28, 31, 34, 37, 40])
@pytest.mark.parametrize("answer", TURNS, indirect=True)
def test_a_broker_that_turns_strange_while_workers_are_asked(
    answer: str, count: int, server: int
) -> None:
    with serving(after(count, ANSWERS[answer]), server) as proxy:
        url = f"redis://everything:{SECRET}@{proxy.url.partition('//')[2]}"
        done = run("workers", env={"POOLWISE_BROKER": url})
        assert proxy.commands > count
    assert_clean_end(done, codes={3}, secrets=[SECRET])
