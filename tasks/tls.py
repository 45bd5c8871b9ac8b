"""TLS to the broker, as its URL asks for it; it reads no file and opens no connection."""

from __future__ import annotations

import ssl
from typing import Any

from kombu.utils.url import parse_url


def tls_options(url: str) -> dict[str, Any] | None:
    """Return the `ssl_…` options of a `rediss://` URL; None for any other.

    The server's certificate is checked unless the URL says `ssl_cert_reqs=none`: kombu, told
    nothing, would take any certificate, and Celery's result backend would refuse to start.
    """
    if not url.startswith("rediss://"):
        return None
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, **parse_url(url).get("ssl", {})}
