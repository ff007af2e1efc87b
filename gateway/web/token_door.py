"""Tokens from the network: who enters them, how fast, and for which meter point."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from gateway.clock import Clock
from gateway.domain.tokens import Refusal
from gateway.store.database import Database
from gateway.store.overview import find_meter
from gateway.store.tokens import Accepted, Entry, Refused, enter_token
from gateway.web.pace import Pace
from gateway.web.problems import AnyRequest
from gateway.web.settings import WebSettings

MOST_BYTES = 4_096
"""Of a request that brings money."""
_IPV6 = 6
_NETWORK_BITS = 64


def client_of(request: AnyRequest) -> str:
    """Who asks, as far as one can tell: the address, of IPv6 the network."""
    return f"web:{network_of(request.client.host if request.client else 'unknown')}"


def network_of(host: str) -> str:
    """What tells a client from others: its address, of IPv6 the network.

    Args:
        host: an address, or anything at all.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:63]
    if address.version == _IPV6:
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)


class TokenDoor:
    """Takes tokens for whoever serves a page or an API.

    Args:
        database: where they are counted.
        clock: the village's time.
        settings: the keys; without them no token is taken.
    """

    def __init__(self, database: Database, clock: Clock, settings: WebSettings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._pace = Pace()

    def allows(self, client: str) -> bool:
        """Count one request of a client, and say whether it may go on."""
        return self._pace.allows(client)

    async def enter(self, client: str, meter_id: str, digits: str) -> Accepted | Refused | None:
        """Take a token.

        Args:
            client: who enters it.
            meter_id: a label or an id on chain; anything at all.
            digits: anything at all.

        Returns:
            None: there is no such meter point.
        """
        meter = await find_meter(self._database, meter_id)
        if meter is None:
            return None
        if self._settings.tokens is None or meter.settlement_mode != "prepaid":
            return Refused(Refusal.NO_KEY)
        now_s = int(self._clock.now_s())
        day = f"{datetime.fromtimestamp(now_s, self._settings.zone):%Y-%m-%d}"
        entry = Entry(meter.label, digits, client, day, now_s)
        return await enter_token(self._database, self._settings.tokens, entry)
