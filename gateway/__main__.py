"""The ``gateway`` command: finds the subcommand and runs it. Each lives in ``commands/``.

Modules are imported only when their command is asked for, so that a process carries no more
than it needs.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from gateway import __version__
from gateway.errors import GatewayError

COMMANDS = {
    "run": "read meters, settle usage, switch supply, serve the page",
    "check": "name everything that is missing or wrong in the configuration",
    "demo": "a whole village on this machine",
    "scan": "find the meters on a bus",
    "read": "read one meter",
    "set-address": "give a new meter its unit id",
    "reset-energy": "set a meter's energy register to 0",
    "commission": "prove which relay switches which meter",
    "node": "see, accept or forget Wi-Fi meters that nobody knows",
    "meter": "see which meter hangs where, and exchange one",
    "edit": "decide on readings that look wrong: bill, reject, estimate",
    "clock": "see how far the time is trusted, and set it",
    "account": "who lives where: moving out and in",
    "supply": "why each supply is on or off; lock out, order, dispute, confirm",
    "token": "enter, issue and reconcile OpenPAYGO tokens",
    "cash": "take cash, print its receipt, take it back",
    "credits": "payments taken here: how far they are on their way to the chain",
    "backup": "copy the database while everything runs, and check the copy",
    "restore": "put a backup in the database's place",
    "export": "readings, usage or rollups as a CSV or Parquet file",
    "verify": "prove the stored readings and what was counted of them",
    "replace-gateway": "begin with nothing at a village that has settled before",
    "take-over": "go on settling after a restore or a replacement",
    "admin": "administer the contracts, on the provider's own computer",
}
PERMANENT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; default: that of the process.

    Returns:
        0 when it did what was asked; 1 when it could not; 2 for a wrong command line.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in given if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="gateway", description="The village gateway.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, purpose in COMMANDS.items():
        subparser = subparsers.add_parser(command, help=purpose, description=purpose + ".")
        if command == name:
            module = _module(command)
            module.add_arguments(subparser)
    parsed = parser.parse_args(given)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return int(_module(parsed.command).run(parsed))
    except GatewayError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer to a person
        return PERMANENT
    except KeyboardInterrupt:
        return 130


class Command(Protocol):
    """What every module in ``commands/`` offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit status."""


def _module(command: str) -> Command:
    name = f"gateway.commands.{command.replace('-', '_')}"
    return cast("Command", importlib.import_module(name))


if __name__ == "__main__":
    sys.exit(main())
