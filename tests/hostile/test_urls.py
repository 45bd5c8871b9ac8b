"""A broker's address with a password: whatever its form, the password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end

#: A mark that each password below contains at its start and at its end.
MARK = "hunter2"

PASSWORDS = {
    "plain": MARK,
    "slash": f"{MARK}/{MARK}",
    "hash": f"{MARK}#{MARK}",
    "question mark": f"{MARK}?{MARK}",
    "at": f"{MARK}@{MARK}",
    "colon": f"{MARK}:{MARK}",
    "semicolon": f"{MARK};{MARK}",
    "ampersand": f"{MARK}&{MARK}",
    "percent": f"{MARK}%zz%2F%{MARK}",
    "unicode": f"{MARK}é℀日{MARK}",
    "brackets": f"{MARK}[{MARK}]",
    "address": f"{MARK}redis://x@y/{MARK}",
    "line break": f"{MARK}\n{MARK}",
}
#: Each form with where the password goes; nothing listens on port 1.
FORMS = {
    "password": "redis://:{}@127.0.0.1:1/0",
    "user and password": "redis://user:{}@127.0.0.1:1/0",
    "tls": "rediss://:{}@127.0.0.1:1/0",
    "user only": "redis://{}@127.0.0.1:1/0",
    "option": "redis://127.0.0.1:1/0?password={}",
    "user and password as options": "redis://127.0.0.1:1?username=user&password={}",
    "option of TLS": "rediss://127.0.0.1:1/0?ssl_password={}",
    "unknown option": "redis://127.0.0.1:1/0?pasword={}",
    "no slashes": "redis:{}@127.0.0.1:1",
    "slashes without colon": "redis//:{}@127.0.0.1:1",
    "one slash": "redis:/:{}@127.0.0.1:1",
    "three slashes": "redis:///:{}@127.0.0.1:1",
    "no scheme": ":{}@127.0.0.1:1",
    "other scheme": "http://:{}@127.0.0.1:1",
    "amqp": "amqp://user:{}@127.0.0.1:1//",
    "unix": "unix://:{}@/tmp/redis.sock?db=0",
    "sentinel": "sentinel://:{}@127.0.0.1:1",
    "lease": "lease://:{}@127.0.0.1:1/0",
    "lease with TLS": "leases://:{}@127.0.0.1:1/0",
    "lease with Sentinel": "leasesentinel://:{}@127.0.0.1:1/0",
    "upper case": "REDIS://:{}@127.0.0.1:1",
    "space": " redis://:{}@127.0.0.1:1",
    "invalid port": "redis://:{}@127.0.0.1:99999/0",
    "database": "redis://:{}@127.0.0.1:1/abc",
    "no host": "redis://:{}",
    "open bracket": "redis://:{}@[::1/0",
    "list": "redis://:{}@127.0.0.1:1/0;redis://:{}@127.0.0.1:1/1",
    "fragment": "redis://127.0.0.1:1/0#{}",
    "host": "redis://{}..x/0",
}
#: Read in another way, these are addresses whose password is hidden: of a password with a colon,
#: the part before it is the user, and of one with an @, the part behind it is the host.
READ_IN_ANOTHER_WAY = {("colon", "user only"), ("at", "no host")}
COMMANDS = {
    "race": ("race", "--quick"),
    "race on running": ("race", "--on-running"),
    "learn": ("learn", "gil"),
    "up": ("up", "--port", "0", "--flower-port", "0"),
    "workers": ("workers", "--json"),
    "switch": ("switch", "w", "--pool", "threads"),
    "observe": ("observe", "--for", "5s"),
    "dead": ("dead", "list"),
    "flower": ("flower", "--port", "0"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_no_form_of_an_address_shows_its_password(
    form: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = FORMS[form].replace("{}", PASSWORDS[password])
    secret = PASSWORDS[password] if (password, form) in READ_IN_ANOTHER_WAY else MARK
    assert_clean_end(run("workers", "--broker", url), codes={2, 3}, secrets=[secret])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_the_password_of_an_address(
    command: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = FORMS[form].replace("{}", f"{MARK}/{MARK}")
    done = run(*COMMANDS[command], "--broker", url)
    assert_clean_end(done, codes={2, 3}, secrets=[MARK])
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("POOLWISE_BROKER", ("race",)),
        ("POOLWISE_BROKER", ("workers",)),
        ("CELERY_BROKER_URL", ("switch", "w", "--pool", "threads")),
    ],
)
def test_an_unreadable_address_is_named_by_the_variable_that_holds_it(
    variable: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unset = {"POOLWISE_BROKER": None, "CELERY_BROKER_URL": None}
    done = run(*command, env={**unset, variable: f"redis://:{MARK}/x@h"})
    assert variable in assert_clean_end(done, codes={2}, secrets=[MARK])


#: Addresses of the transport in docs/transport.md, and those to which the commands connect.
LEASE = {
    "lease://127.0.0.1:1/3": "redis://127.0.0.1:1/3",
    "leases://127.0.0.1:1/3": "rediss://127.0.0.1:1/3",
}


@pytest.mark.parametrize("url", LEASE)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_address_of_the_lease_transport_leads_to_its_redis(
    command: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*COMMANDS[command], "--broker", url)
    assert f"no usable Redis at {LEASE[url]} " in assert_clean_end(done, codes={3})


@pytest.mark.parametrize("url", LEASE)
@pytest.mark.parametrize("command", ["dead", "race on running"])
def test_so_does_the_variable_of_celery(
    command: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tasks.settings.broker_url", url)  # it is read at the import
    done = run(*COMMANDS[command], env={"POOLWISE_BROKER": None, "CELERY_BROKER_URL": url})
    assert f"no usable Redis at {LEASE[url]} " in assert_clean_end(done, codes={3})


@pytest.mark.parametrize("scheme", ["sentinel", "leasesentinel"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_given_sentinels_asks_for_the_primary(
    command: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"{scheme}://:{MARK}@one:1;{scheme}://:{MARK}@two:1"
    done = run(*COMMANDS[command], "--broker", url)
    line = assert_clean_end(done, codes={2}, secrets=[MARK])
    assert "name the primary itself with --broker redis://" in line


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/abc", "database"),
        ("redis://127.0.0.1:1?foo=bar", "does not accept there"),
        ("redis://127.0.0.1:1?db=x", "database"),
        ("redis://127.0.0.1:1?socket_timeout=5", "does not accept there"),
        ("rediss://127.0.0.1:1?ssl_cert_reqs=maybe", "invalid value"),
        ("rediss://127.0.0.1:1?ssl_no_such=1", "invalid value"),
        ("redis://[::1/0", "should look like"),
        ("redis://127.0.0.1:99999/0", "port"),
        ("redis://127.0.0.1:0/0", "port"),
        ("redis://a/0;redis://b/0", "single address"),
        ("redis://a..b/0", "host"),
        (f"redis://{'a' * 300}/0", "host"),
    ],
)
@pytest.mark.parametrize("command", ["workers", "race"])
def test_an_invalid_address_is_wrong_use(
    command: str, url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in assert_clean_end(run(COMMANDS[command][0], "--broker", url), codes={2})
    assert not list(tmp_path.iterdir())
