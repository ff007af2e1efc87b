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
from gateway.domain.replacing import has_to_be_told
from gateway.errors import Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import read_site
from gateway.ledger.takeover import take_over
from gateway.store.chain import find_head, save_answer
from gateway.store.database import Database
from gateway.store.replacement import find_chain_meters


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
            await _check_read(settings, database, client)
            return await take_over(settings, database, clock, client, key)
    finally:
        await client.close()


async def _check_read(settings: LedgerSettings, database: Database, client: LedgerClient) -> None:
    """A meter that was never read here would seem to use nothing for as long as its total on chain.

    Raises:
        Permanent: the database is new, and its meters are not.
    """
    if await find_head(database, settings.site) is not None:
        return
    await save_answer(database, settings.site, (await read_site(client, settings, database)).state)
    unread = [
        meter.label
        for meter in await find_chain_meters(database, settings.site)
        if has_to_be_told(meter)
    ]
    if unread:
        raise Permanent(
            f"this database has never settled and has no reading of {len(unread)} meters (the "
            f"first is {unread[0]}) that have usage on the chain: run `gateway replace-gateway`, "
            "which asks what each register shows now"
        )
