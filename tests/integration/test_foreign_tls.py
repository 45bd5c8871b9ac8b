"""`-A` also takes a project's certificate settings, and so connects as the project does."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cluster.local import LocalCluster
from tests.command import poolwise
from tests.tls import make_secrets, tls_in_front_of

PROJECT = """
import ssl
from celery import Celery
app = Celery("shop", broker="SCHEME://127.0.0.1:PORT/0")
app.conf.broker_use_ssl = SETTING
"""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate as the documentation says."""
    return make_secrets(tmp_path_factory.mktemp("tls") / "secrets", "127.0.0.1")


@pytest.mark.parametrize(
    ("scheme", "setting", "code"),
    [
        ("rediss", "{'ssl_cert_reqs': ssl.CERT_REQUIRED, 'ssl_ca_certs': 'CA'}", 4),
        ("redis", "{'ssl_cert_reqs': 'required', 'ssl_ca_certs': 'CA'}", 4),
        ("rediss", "{'ssl_cert_reqs': ssl.CERT_NONE, 'ssl_check_hostname': False}", 4),
        ("rediss", "None", 3),
        ("rediss", "True", 3),
        ("lease", "{'ssl_ca_certs': 'CA'}", 4),
        ("leases", "{'ssl_ca_certs': 'CA'}", 4),
        ("leases", "{'ssl_cert_reqs': ssl.CERT_NONE}", 4),
        ("leases", "None", 3),
    ],
)
def test_the_command_connects_with_the_projects_certificates(
    scheme: str, setting: str, code: int, secrets: Path, tmp_path: Path
) -> None:
    """Exit code 4 means that no worker answers, which is what the broker is asked for."""
    with LocalCluster(tmp_path) as cluster:
        port = urlsplit(cluster.broker_url).port
        assert port is not None
        with tls_in_front_of(port, secrets) as outside:
            text = PROJECT.replace("SCHEME", scheme).replace("PORT", str(outside))
            setting = setting.replace("'CA'", repr(str(secrets / "ca.pem")))
            (tmp_path / "shop.py").write_text(text.replace("SETTING", setting))
            done = poolwise("workers", "-A", "shop", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert ("no worker answers at rediss://" if code == 4 else "certificate") in done.stderr
