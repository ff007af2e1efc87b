"""What switches: one module per kind of relay. A driver obeys; it decides and remembers nothing."""

from __future__ import annotations

from typing import Protocol


class Driver(Protocol):
    """A kind of relay."""

    async def switch(self, name: str, *, connected: bool) -> None:
        """Bring one relay into a position; repeating a position is harmless.

        Args:
            name: which relay: what follows the colon in a meter point's ``relay``.
            connected: True: it shall conduct.

        Raises:
            Transient: it did not obey now; trying again can help.
            Permanent: it cannot obey until a person changes something.
        """
