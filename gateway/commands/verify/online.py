"""Asking the chain, which loads the Stellar SDK: imported only when it is asked for."""

from __future__ import annotations

import asyncio

from gateway.app.settings import ledger_settings
from gateway.config import Config
from gateway.ledger.client import LedgerClient
from gateway.ledger.witness import read_witness
from gateway.store.tracing import Witness
from gateway.store.trail import Point


def ask(config: Config, point: Point, prices: int) -> Witness:
    """What the contract says of a meter now.

    Raises:
        GatewayError: the chain can't be reached, or does not answer as this version knows.
    """
    return asyncio.run(_ask(config, point, prices))


async def _ask(config: Config, point: Point, prices: int) -> Witness:
    settings = ledger_settings(config)
    client = LedgerClient(settings.rpc_urls, settings.passphrase)
    try:
        return await read_witness(client, settings, point.slot, prices)
    finally:
        await client.close()
