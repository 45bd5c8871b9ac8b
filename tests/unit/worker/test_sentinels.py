"""The probe asks every Sentinel that the broker's URL names, of either transport."""

from __future__ import annotations

import pytest
from kombu import Connection

import kombu_lease  # noqa: F401  registers leasesentinel://
from worker import probe


@pytest.mark.parametrize("scheme", ["sentinel", "leasesentinel"])
def test_all_sentinels_of_a_list_are_asked(scheme: str) -> None:
    url = ";".join(f"{scheme}://127.0.0.1:{port}/0" for port in (1, 2))
    place = probe._place(Connection(url, transport_options={"master_name": "shop"}))
    assert place is not None
    assert place.sentinels == (("127.0.0.1", 1), ("127.0.0.1", 2))
