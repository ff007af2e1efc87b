"""The village as it is now, rendered once a second at most, however many phones are looking."""

from __future__ import annotations

import asyncio

import jinja2

from gateway.clock import Clock
from gateway.store.database import Database
from gateway.store.overview import find_village
from gateway.store.unsettled import UnsettledUsage
from gateway.web.figures import Instant
from gateway.web.settings import WebSettings
from gateway.web.village_view import village_view

_FRESH_S = 1.0


class LiveVillage:
    """The part of the page that changes.

    Args:
        database: where to look.
        clock: the village's time.
        settings: what to call things.
        template: renders a ``VillageView`` named ``village``.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: WebSettings,
        template: jinja2.Template,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._template = template
        self._unsettled = UnsettledUsage(database)
        self._lock = asyncio.Lock()
        self._rendered = ""
        self._until = 0.0
        self._changes = 0

    async def html(self) -> str:
        """HTML that is at most a second old; who asks meanwhile waits for the same rendering."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._until:
                changes = self._changes
                self._rendered = await self._render()
                self._until = loop.time() + _FRESH_S if changes == self._changes else 0.0
            return self._rendered

    def forget(self) -> None:
        """Render anew for whoever asks next: they have just changed something."""
        self._changes += 1
        self._until = 0.0

    async def _render(self) -> str:
        at = Instant.of(self._clock, self._settings)
        village = await find_village(self._database, at.day_start_s)
        unsettled = await self._unsettled.find(at.now_s)
        return self._template.render(village=village_view(village, unsettled, at))
