"""A Redis transport for kombu that loses nothing; importing it registers its URL schemes.

It depends on kombu and redis-py alone; only `kombu_lease.results` needs Celery. See
docs/transport.md.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES

#: The module and class of each scheme.
SCHEMES = {
    "lease": "kombu_lease.transport:Transport",
    "leases": "kombu_lease.transport:TLSTransport",
    "leasesentinel": "kombu_lease.transport:SentinelTransport",
}

TRANSPORT_ALIASES.update(SCHEMES)
