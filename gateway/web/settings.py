"""What the page needs to be told, and the few secrets with which it takes money; none is printed.

Never the signing key: who breaks into this process can give meters their day's cap of tokens, and
what a mobile-money service may tell of, but takes nothing out of the float.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gateway.store.tokens import TokenSettings


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """How mobile-money services tell of payments.

    Args:
        secret: their bearer token.
        most_stroops: the most that one payment may be.
    """

    secret: str = field(repr=False)
    most_stroops: int


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where to listen, and how the village calls its things.

    Args:
        village: what people call the village.
        zone: its time zone; every time on the page is local to it.
        host: the address to listen on.
        port: the TCP port; 0: any free one.
        token: what one unit of the payment token is called.
        token_decimals: digits after the point of one token unit; 7: a unit is 10^7 stroops.
        silent_after_s: wall seconds without a reading after which a meter counts as silent.
        chain_stale_after_s: from when on the page says that the chain was last seen long ago, s.
        tokens: how tokens are taken; None: not at all.
        payments: how payments over the network are taken; None: not at all.
    """

    village: str
    zone: ZoneInfo
    host: str = "127.0.0.1"
    port: int = 8080
    token: str = "ELECTRIC"  # noqa: S105 - a currency
    token_decimals: int = 7
    silent_after_s: float = 120.0
    chain_stale_after_s: int = 259_200
    tokens: TokenSettings | None = None
    payments: PaymentSettings | None = None
