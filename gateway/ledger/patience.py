"""How long to rest after what failed: what fails in a ledger costs a fee each time."""

from __future__ import annotations

import math
import time

from gateway.errors import Permanent

FREE_ATTEMPTS = 3
"""Envelopes for one thing signed without a rest; whatever fails more often may fail for ever."""
MAX_REST_S = 3600.0
_MAX_DOUBLINGS = 12


class NotCarriedOut(Permanent):
    """The network takes one envelope for the same thing after the other and applies none."""


class Patience:
    """Remembers when an envelope was signed last; a process that starts again tries at once."""

    def __init__(self) -> None:
        self._signed_at_s = -math.inf

    def signed(self) -> None:
        """An envelope was signed just now."""
        self._signed_at_s = time.monotonic()

    def check(self, attempts: int) -> None:
        """Hold back what fails again and again.

        Args:
            attempts: how often it was signed.

        Raises:
            NotCarriedOut: it rests now.
        """
        if attempts < FREE_ATTEMPTS:
            return
        rest_s = min(2.0 ** min(attempts, _MAX_DOUBLINGS), MAX_REST_S)
        if time.monotonic() - self._signed_at_s < rest_s:
            raise NotCarriedOut(
                f"the network has taken this {attempts} times and never carried it out; "
                "it goes again, less and less often: if this lasts, tell the provider"
            )
