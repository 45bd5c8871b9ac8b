"""Reads the TLS options from a broker URL, without reading files or connecting."""

from __future__ import annotations

import ssl
from typing import Any

from kombu.utils.url import parse_url


def tls_options(url: str) -> dict[str, Any] | None:
    """Return the `ssl_…` options of a `rediss://` URL; None for other URLs.

    The server's certificate is checked unless the URL contains `ssl_cert_reqs=none`. Without this
    default, kombu would accept any certificate and Celery's result backend would not start.
    A URL that cannot be read has no options: connecting to it fails with the reason.
    """
    if not url.startswith("rediss://"):
        return None
    try:
        options = parse_url(url).get("ssl", {})
    except (KeyError, ValueError):
        options = {}
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, **options}
