"""Who may come in to Flower from outside, and that its file of credentials is read as told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.address import FILE_VARIABLE, PUBLISHED_VARIABLE, Door, basic_auth, check, guard
from tasks.errors import UsageError


def door(
    address: str = "", *, unix_socket: str = "", pairs: tuple[str, ...] = (), oauth: bool = False
) -> Door:
    return Door(address=address, unix_socket=unix_socket, basic_auth=pairs, oauth=oauth)


@pytest.mark.parametrize(
    "closed",
    [
        door("127.0.0.1"),
        door("127.8.9.10"),
        door("::1"),
        door("localhost"),
        door(unix_socket="/run/flower"),
        door("0.0.0.0", pairs=("ada:secret",)),  # noqa: S104 - with a credential
        door("", oauth=True),
    ],
)
def test_a_door_that_is_closed_or_guarded_is_allowed(closed: Door) -> None:
    check(closed, {})


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.1.2.3", "flower.example"])  # noqa: S104
def test_an_open_door_is_refused_with_the_way_to_guard_it(address: str) -> None:
    with pytest.raises(UsageError, match="FLOWER_BASIC_AUTH=user:password") as refused:
        check(door(address), {})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("pairs", [("",), ("ada",), (":secret",), ("ada:",)])
def test_half_a_credential_is_none(pairs: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        check(door(pairs=pairs), {})


@pytest.mark.parametrize(
    ("published_on", "allowed"), [("127.0.0.1", True), ("", False), ("192.0.2.7", False)]
)
def test_in_a_container_it_counts_where_the_port_is_published(
    published_on: str, allowed: bool
) -> None:
    environment = {PUBLISHED_VARIABLE: published_on}
    if allowed:
        check(door(), environment)
    else:
        with pytest.raises(UsageError, match=published_on or "every address"):
            check(door(), environment)


def test_pairs_are_read_from_a_file(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("ada:one\n\nbob:two,eve:three\n", encoding="utf-8")
    assert basic_auth({FILE_VARIABLE: str(users)}) == ("ada:one", "bob:two", "eve:three")
    assert basic_auth({FILE_VARIABLE: "/dev/null"}) == basic_auth({}) == ()


def test_a_file_that_holds_no_pairs_is_refused_without_telling_what_it_holds(
    tmp_path: Path,
) -> None:
    users = tmp_path / "users"
    users.write_text("hunter2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="user:password") as refused:
        basic_auth({FILE_VARIABLE: str(users)})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(UsageError, match="cannot read"):
        basic_auth({FILE_VARIABLE: str(tmp_path / "none")})


def test_the_guard_ends_flower_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    options = SimpleNamespace(address="", unix_socket="", basic_auth=None, auth="")
    with pytest.raises(SystemExit) as ended:
        guard(options, {})
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_guard_hands_flower_only_what_a_file_adds(tmp_path: Path) -> None:
    options = SimpleNamespace(address="", unix_socket="", basic_auth=["ada:one"], auth="")
    assert guard(options, {}) is None
    users = tmp_path / "users"
    users.write_text("bob:two\n", encoding="utf-8")
    assert guard(options, {FILE_VARIABLE: str(users)}) == ["bob:two"]
