"""How fast one client may ask: so many times a minute, remembered for so many clients at most."""

from __future__ import annotations

import time
from collections import OrderedDict

WINDOW_S = 60.0


class Pace:
    """Counts requests by client.

    Args:
        most: of one client in a minute.
        clients: remembered at once; the one unheard longest is forgotten first.
    """

    def __init__(self, most: int = 20, clients: int = 1_000) -> None:
        self._most = most
        self._clients = clients
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Count one request, and say whether it may go on."""
        now_s = time.monotonic()
        since_s, count = self._seen.pop(client, (now_s, 0))
        if now_s - since_s >= WINDOW_S:
            since_s, count = now_s, 0
        self._seen[client] = (since_s, count + 1)
        if len(self._seen) > self._clients:
            self._seen.popitem(last=False)
        return count < self._most
