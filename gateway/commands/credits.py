"""Payments taken here on their way to the chain: where they are, and going on after a restore."""

from __future__ import annotations

import argparse
import asyncio

from gateway import app
from gateway.commands.cash import payments_table
from gateway.commands.configured import add_config
from gateway.commands.receipts import find_receipt
from gateway.commands.showing import show
from gateway.config import Config, load
from gateway.domain.money import show_amount
from gateway.store.acts import one_line
from gateway.store.credits import find_payments
from gateway.store.database import Database
from gateway.store.floats import Adoption, adopt_float, find_standing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list`` and ``adopt``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what waits, what is on chain, and the float")
    adopt = actions.add_parser(
        "adopt", help="go on after what another gateway, or this one before a restore, has credited"
    )
    adopt.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
    which = adopt.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--on-chain", nargs="+", metavar="RECEIPT", help="payments that are on chain"
    )
    which.add_argument("--none", action="store_true", help="no payment of this file is on chain")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say how it stands.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    show(asyncio.run(_do(load(arguments.config), arguments)))
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        if arguments.action == "list":
            return await _list(config, database)
        by = one_line("--by", arguments.by)
        named = [await find_receipt(database, one) for one in arguments.on_chain or ()]
        adoption = Adoption([number for number, _, _ in named], by, int(clock.now_s()))
        head = await adopt_float(database, config.gateway.site, adoption)
    return f"payments that wait go on chain from here, after credit {head.sequence}"


async def _list(config: Config, database: Database) -> str:
    standing = await find_standing(database, config.gateway.site)
    token = config.chain.token
    many = "payment" if standing.local == 1 else "payments"
    lines = [
        f"waiting here   {show_amount(standing.local_stroops)} {token} in {standing.local} {many}",
        f"on chain       {show_amount(standing.on_chain_stroops)} {token}",
        f"refused        {show_amount(standing.refused_stroops)} {token}",
        f"float          {show_amount(standing.float_stroops)} {token}, as the chain was last seen "
        f"(after credit {standing.sequence})",
        "",
        payments_table(config, await find_payments(database)),
    ]
    return "\n".join(lines)
