"""Go on settling after a restore or a replacement: one act of an operator, asked for by name."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from gateway import app
from gateway.app.settings import ledger_settings
from gateway.commands.configured import add_config
from gateway.commands.showing import show
from gateway.config import Config, load
from gateway.domain.batches import Receipt
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.takeover import take_over


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make this machine the one that settles, and say from where it goes on."""
    receipt = asyncio.run(_take_over(load(arguments.config)))
    show(
        f"this gateway now settles for the site; it goes on after batch {receipt.sequence} "
        f"({receipt.total_wh} Wh settled so far)"
    )
    return 0


async def _take_over(config: Config) -> Receipt:
    settings = ledger_settings(config)
    key = SigningKey.load(Path(config.chain.key_file))
    client = LedgerClient(
        settings.rpc_urls, settings.passphrase, max_lag_ledgers=settings.max_lag_ledgers
    )
    try:
        async with app.opened(config) as (database, clock, _):
            return await take_over(settings, database, clock, client, key)
    finally:
        await client.close()
