"""Administer the provider's contracts, from the provider's own computer: never on a gateway.

One file per noun. Each shows what it is about to send, in words, before it sends it.
"""

from __future__ import annotations

import argparse
import asyncio
from urllib.parse import urlsplit

from gateway.commands.admin import (
    arrears,
    certification,
    deploy,
    floats,
    market,
    meter,
    oracle,
    price,
    schedule,
    signer,
    site,
    status,
    token,
    upkeep,
)
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.commands.admin.key import load_key, refuse_appliance
from gateway.commands.admin.places import NETWORKS, Network, Places
from gateway.errors import Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.fees import xlm

NOUNS = (
    deploy,
    status,
    site,
    signer,
    meter,
    price,
    arrears,
    floats,
    certification,
    market,
    oracle,
    schedule,
    token,
    upkeep,
)
POLL_S = {"local": 0.05}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every noun and its verbs."""
    nouns = Nouns(parser)
    for noun in NOUNS:
        noun.add(nouns)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when it was done or shown.

    Raises:
        GatewayError: it was refused or could not be sent, and the sentence says why.
    """
    refuse_appliance()
    asyncio.run(_run(arguments))
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    network = NETWORKS[arguments.network]
    url = arguments.rpc_url or network.rpc_url
    if url is None:
        raise Permanent("mainnet has no server by default: name one with --rpc-url")
    if not url.startswith(("http://", "https://")):
        raise Permanent("--rpc-url must be written like https://soroban-testnet.stellar.org")
    client = LedgerClient([url], network.passphrase)
    try:
        await _assert_network(client, network, url)
        desk = Desk(
            network=network,
            client=client,
            places=Places.load(arguments.addresses, network.name),
            find_key=lambda: load_key(arguments.key_file),
            dry_run=arguments.dry_run,
            max_fee_stroops=arguments.max_fee,
            sure_of_mainnet=arguments.yes_mainnet,
            poll_s=POLL_S.get(network.name, 1.0),
        )
        await arguments.act(desk, arguments)
        if len(desk.shown_stroops) > 1:
            print(f"together at most {xlm(sum(desk.shown_stroops))}")
    finally:
        await client.close()


async def _assert_network(client: LedgerClient, network: Network, url: str) -> None:
    """What is signed for one network is worth nothing on another; say so before it is tried."""
    passphrase = await client.passphrase()
    if passphrase != network.passphrase:
        named = (one.name for one in NETWORKS.values() if one.passphrase == passphrase)
        really = next(named, f"another network ({passphrase})")
        raise Permanent(
            f"{urlsplit(url).netloc} belongs to {really}, not to {network.name}: "
            "correct --network or --rpc-url"
        )
