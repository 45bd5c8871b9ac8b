"""scripts/make-secrets makes all files for any name, or none, and then says why."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.tls import make_secrets

FILES = {
    *("ca.pem", "broker-url", "broker-url-elsewhere"),
    *("redis.crt", "redis.key", "redis-password"),
}


def openssl(*words: str) -> str:
    """Return what an openssl command prints."""
    done = subprocess.run(
        ["openssl", *words], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("h" * 60, "DNS"),
        (f"{'h' * 60}.{'sub.' * 20}example", "DNS"),
        ("192.0.2.7", "IP Address"),
    ],
    ids=["60 characters", "148 characters", "address"],
)
def test_a_certificate_is_valid_for_a_name_of_any_length(
    name: str, kind: str, tmp_path: Path
) -> None:
    secrets = make_secrets(tmp_path / "secrets", name)
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]
    assert {path.name for path in secrets.iterdir()} == FILES
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o644}
    certificate = str(secrets / "redis.crt")
    names = openssl("x509", "-in", certificate, "-noout", "-ext", "subjectAltName")
    assert f"{kind}:{name}, DNS:redis, DNS:localhost" in names
    assert openssl("verify", "-CAfile", str(secrets / "ca.pem"), certificate).endswith("OK\n")
    assert f"@{name}:6380/" in (secrets / "broker-url-elsewhere").read_text(encoding="utf-8")


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    users = tmp_path / "secrets" / "flower-users"
    users.parent.mkdir()
    users.write_text("ada:secret\n", encoding="utf-8")
    users.chmod(0o600)
    make_secrets(users.parent, "hub.example")
    assert {path.name for path in users.parent.iterdir()} == FILES | {users.name}
    assert users.read_text(encoding="utf-8") == "ada:secret\n"
    assert users.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("failing", ["req", "x509", "rand"])
def test_a_failure_of_openssl_is_shown_and_leaves_nothing(failing: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = programs / "openssl"
    fake.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = {failing} ] && {{ echo "no entropy today" >&2; exit 3; }}\n'
        'PATH=${PATH#*:} exec openssl "$@"\n',
        encoding="utf-8",
    )
    fake.chmod(0o755)
    done = subprocess.run(
        [ROOT / "scripts" / "make-secrets", "hub.example"],
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SECRETS": str(tmp_path / "secrets"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert f"error: openssl {failing} failed" in done.stderr
    assert "no entropy today" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
