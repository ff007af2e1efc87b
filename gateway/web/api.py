"""The household API: what one meter point has left, from what the gateway last knew."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.clock import Clock
from gateway.store.database import Database
from gateway.store.overview import MeterOverview, find_meter
from gateway.web.problems import problem

_UNKNOWN = "No meter point has this label or on-chain id. The village page lists them all."


def api_handlers(database: Database, clock: Clock) -> list[HTTPRouteHandler]:
    """The API's routes.

    Args:
        database: where to look.
        clock: for whether a plan still runs.
    """

    @get("/api/meters/{meter_id:str}/balance")
    async def read_balance(meter_id: FromPath[str]) -> Response[bytes]:
        meter = await find_meter(database, meter_id)
        if meter is None:
            return problem(HTTPStatus.NOT_FOUND, _UNKNOWN)
        return Response(
            json.dumps(balance_document(meter, int(clock.now_s()))).encode(),
            media_type="application/json",
            headers={"Cache-Control": "max-age=5"},
        )

    return [read_balance]


def balance_document(meter: MeterOverview, now_s: int) -> dict[str, object]:
    """What ``GET /api/meters/{id}/balance`` answers.

    ``balance`` is the contract's own figure, in token stroops, as old as ``as_of.chain`` says:
    usage that is not settled yet has not been taken from it, because only the contract may price
    usage. ``units_used`` is all usage counted here since the meter was installed, in Wh, as old
    as ``as_of.meter`` says. A meter point that was never seen on chain has balance 0 and is not
    active.

    Args:
        meter: the meter point.
        now_s: the instant to judge a plan at (unix seconds).
    """
    chain, counted = meter.on_chain, meter.counted
    return {
        "meter_id": meter.label,
        "balance": chain.record.balance if chain else 0,
        "units_used": counted.usage_wh if counted else 0,
        "active": chain.is_active_at(now_s) if chain else False,
        "as_of": {
            "meter": _iso(counted.read_s) if counted else None,
            "chain": _iso(chain.as_of_s) if chain else None,
        },
    }


def _iso(instant_s: int) -> str:
    return datetime.fromtimestamp(instant_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
