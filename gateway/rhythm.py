"""The loop around a service's ``tick``: what passes by itself is waited out, and told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Never

from gateway.clock import Clock
from gateway.errors import Transient


async def repeat(
    tick: Callable[[datetime], Awaitable[None]],
    clock: Clock,
    pause_s: float,
    log: logging.Logger,
    complaint: str,
) -> Never:
    """Tick for ever.

    Args:
        tick: one unit of work; it is given the time.
        clock: what the time is.
        pause_s: between two ticks, wall seconds.
        log: hears when work begins to wait, and not again before it was done.
        complaint: what is said then, before the cause.
    """
    is_away = False
    while True:
        try:
            await tick(clock.now())
        except Transient as error:
            if not is_away:
                log.warning("%s: %s", complaint, error)
            is_away = True
        else:
            is_away = False
        await asyncio.sleep(pause_s)
