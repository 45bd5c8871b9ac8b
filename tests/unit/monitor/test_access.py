"""Flower refuses to be reachable without a login, which may come from a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.access import (
    FILE_VARIABLE,
    PUBLISHED_VARIABLE,
    VARIABLE,
    AccessSettings,
    check,
    read_credentials,
    read_logins,
    require_login,
)
from tasks.errors import UsageError


def settings(
    address: str = "", *, unix_socket: str = "", pairs: tuple[str, ...] = (), oauth: bool = False
) -> AccessSettings:
    return AccessSettings(address=address, unix_socket=unix_socket, basic_auth=pairs, oauth=oauth)


@pytest.mark.parametrize(
    "safe",
    [
        settings("127.0.0.1"),
        settings("127.8.9.10"),
        settings("::1"),
        settings("localhost"),
        settings(unix_socket="/run/flower"),
        settings("0.0.0.0", pairs=("ada:secret",)),  # noqa: S104 - with a credential
        settings("", oauth=True),
    ],
)
def test_a_local_or_protected_flower_is_allowed(safe: AccessSettings) -> None:
    check(safe, {})


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.1.2.3", "flower.example"])  # noqa: S104
def test_an_unprotected_flower_is_refused_with_the_fix(address: str) -> None:
    with pytest.raises(UsageError, match="FLOWER_BASIC_AUTH=user:password") as refused:
        check(settings(address), {})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "pairs",
    [("",), ("ada",), (":secret",), ("ada:",), ("ada:secret", ""), ("", "ada:secret")],
)
def test_half_a_credential_is_no_protection(pairs: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        check(settings(pairs=pairs), {})


@pytest.mark.parametrize(
    ("published_on", "allowed"), [("127.0.0.1", True), ("", False), ("192.0.2.7", False)]
)
def test_in_a_container_the_published_address_decides(published_on: str, allowed: bool) -> None:
    environment = {PUBLISHED_VARIABLE: published_on}
    if allowed:
        check(settings(), environment)
    else:
        with pytest.raises(UsageError, match=published_on or "every address"):
            check(settings(), environment)


def test_pairs_are_read_from_a_file(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("ada:one\n\nbob:two,eve:three\n", encoding="utf-8")
    assert read_credentials({FILE_VARIABLE: str(users)}) == ("ada:one", "bob:two", "eve:three")
    assert read_credentials({FILE_VARIABLE: "/dev/null"}) == read_credentials({}) == ()


def test_neither_a_byte_order_mark_nor_an_unusual_character_changes_a_pair(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_bytes("\ufeffada:o\x0bn\x1ce\r\nbob:t\x0cwo".encode())
    assert read_credentials({FILE_VARIABLE: str(users)}) == ("ada:o\x0bn\x1ce", "bob:t\x0cwo")


@pytest.mark.parametrize(
    "text", ["hunter2", "ada:hunter2,too", "ada:hunter2\n:x", "ada:hunter2\u00e9"]
)
def test_a_file_with_what_is_no_login_is_refused_and_never_quoted(
    text: str, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    users.write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="user:password") as refused:
        read_credentials({FILE_VARIABLE: str(users)})
    assert "hunter2" not in str(refused.value)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_credentials({FILE_VARIABLE: str(tmp_path / "none")})


def test_flower_exits_with_a_one_line_error(capsys: pytest.CaptureFixture[str]) -> None:
    options = SimpleNamespace(address="", unix_socket="", basic_auth=None, auth="", port=1)
    with pytest.raises(SystemExit) as ended:
        require_login(options, {})
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_logins_of_a_file_replace_those_of_the_variable(tmp_path: Path) -> None:
    options = SimpleNamespace(address="", unix_socket="", basic_auth=["ada:one"], auth="", port=1)
    assert require_login(options, {}) == ["ada:one"]
    users = tmp_path / "users"
    users.write_text("bob:two\n", encoding="utf-8")
    assert require_login(options, {FILE_VARIABLE: str(users)}) == ["bob:two"]


#: Values of FLOWER_BASIC_AUTH with a part that is no login.
MALFORMED = [
    *("ada:hunter2,", ",ada:hunter2", "ada:hunter2,,bob:two", "ada:hunter2, ", ",", " "),
    *("ada:hunter2,word", "hunter2", ":hunter2", "hunter2:", "hunter2: "),
    *("ada:hunter2\u00e9", "\u00e9:hunter2", "ada:hunter2\udcff"),
]


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
@pytest.mark.parametrize("oauth", ["", ".*@here"])
@pytest.mark.parametrize("value", MALFORMED, ids=ascii)
def test_a_part_that_is_no_login_is_refused_and_never_quoted(
    value: str, oauth: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SimpleNamespace(
        address=address, unix_socket="", basic_auth=value.split(","), auth=oauth, port=1
    )
    with pytest.raises(SystemExit) as ended:
        require_login(options, {VARIABLE: value})
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: FLOWER_BASIC_AUTH: every entry must be user:password")
    assert printed.count("\n") == 1
    assert "hunter2" not in printed


def test_a_malformed_variable_is_refused_although_a_file_has_logins(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("bob:two\n", encoding="utf-8")
    with pytest.raises(UsageError, match="FLOWER_BASIC_AUTH: every entry"):
        read_logins(["ada:one", ""], {FILE_VARIABLE: str(users)})


def test_spaces_around_a_login_are_no_part_of_it() -> None:
    assert read_logins(["ada:a word ", " bob:two\n"], {}) == ("ada:a word", "bob:two")


def test_an_empty_variable_counts_as_not_set_but_an_empty_option_does_not() -> None:
    assert read_logins([""], {VARIABLE: ""}) == read_logins([], {}) == ()
    # `--basic-auth=` would replace what the configuration file sets.
    with pytest.raises(UsageError, match="every entry"):
        read_logins([""], {})


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_does_not_exist_is_refused(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SimpleNamespace(
        address="127.0.0.1", unix_socket="", basic_auth=None, auth="", port=port
    )
    with pytest.raises(SystemExit) as ended:
        require_login(options, {})
    assert ended.value.code == 2
    assert f"port {port}" in capsys.readouterr().err
