"""The transport options that stock kombu does not have."""

from __future__ import annotations

#: Seconds after which the messages of a consumer that gave no sign of life return to their queues.
LEASE_S = 6.0
#: How often a consumer renews its lease in that time, at least.
RENEWALS = 6
#: Deliveries without an acknowledgement after which a message becomes a dead letter; 0: never.
MAX_DELIVERIES = 20
#: The most messages to claim at once.
CLAIM_LIMIT = 500
#: Seconds that an acknowledgement may wait for company.
ACK_DELAY_S = 0.05
#: Acknowledgements to send at once.
ACK_LIMIT = 1000
#: Seconds within which Redis must answer a command.
REPLY_S = 5.0
#: Seconds without any answer after which a connection is given up, unless options say otherwise;
#: longer than a short interruption of the network, after which the connection goes on.
SILENT_S = 15
#: Seconds after which a consumer that waits for messages asks again, should a wake-up be lost.
RECHECK_S = 5.0
#: Messages that are due within so many seconds go to their queue; Celery times the rest exactly.
SOON_S = 3.0
#: A consumer that claims a message due later than this has it wait in Redis; more than SOON_S, or
#: messages would go back and forth.
LATER_S = 5.0

#: The names under `broker_transport_options`.
NAMES = ("lease_s", "max_deliveries", "claim_limit")
#: Options of stock kombu that would turn off what this transport is for.
WITHOUT = ("ack_emulation",)


def names(stock: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options of a channel that extends one with the options `stock`."""
    return (*(name for name in stock if name not in WITHOUT), *NAMES)
