"""Run the gateway, or one of its three processes."""

from __future__ import annotations

import argparse
import asyncio

from gateway import app
from gateway.commands.configured import add_config
from gateway.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config`` and ``--only``."""
    add_config(parser)
    parser.add_argument(
        "--only",
        choices=app.PARTS,
        help="field: meters and relays; settlement: the chain, with the signing key; web: the page",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop (SIGTERM or Ctrl-C); 0 when it stopped because it was told to."""
    config = load(arguments.config)
    parts = (arguments.only,) if arguments.only else app.PARTS
    asyncio.run(app.run(config, parts))
    return 0
