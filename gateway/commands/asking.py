"""Asking a person before something is changed, and writing down afterwards what was."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway import app
from gateway.commands.showing import fitted
from gateway.config import load
from gateway.errors import Permanent
from gateway.store.status import append_event


def asked(question: str) -> str:
    """What a person answers; nothing where nobody is there to answer."""
    try:
        return input(f"{fitted(question.rstrip(), sys.stdout)} ").strip()
    except EOFError:
        return ""


def confirm(question: str) -> None:
    """Go on only after a yes.

    Raises:
        Permanent: the answer was another one.
    """
    if asked(f"{question} [y/N] ").lower() not in {"y", "yes"}:
        raise Permanent("nothing was changed (--yes answers for you)")


async def record(
    path: Path, kind: str, detail: str, *, label: str = "", wh: int | None = None
) -> None:
    """Write one event into the journal of a village's store.

    Args:
        path: the village's configuration.
        kind: of the event.
        detail: one sentence.
        label: the meter point, if it was one's.
        wh: the energy in question, Wh.

    Raises:
        GatewayError: the configuration or the disk does not allow it.
    """
    async with app.opened(load(path)) as (database, clock, points):
        point = next((one for one in points if one.label == label), None)
        async with database.transaction() as connection:
            await append_event(
                connection,
                kind,
                detail,
                int(clock.now_s() * 1000),
                meter_point_id=point.meter_point_id if point else None,
                meter_id=point.meter_id if point else None,
                energy_wh=wh,
            )
