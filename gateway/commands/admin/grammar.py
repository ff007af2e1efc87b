"""``gateway admin NOUN VERB``: how commands are declared, and the options that all of them have."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.places import DEFAULT_FILE, NETWORKS

Act = Callable[[Desk, argparse.Namespace], Awaitable[None]]
"""What a verb does."""


class Parser(argparse.ArgumentParser):
    """Answers a wrong command line with what is wrong; the long usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Say it and end with status 2."""
        self.exit(2, f"{message}\nsee `{self.prog} --help`\n")


class Nouns:
    """The nouns of the command.

    Args:
        parser: of ``gateway admin``.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._subparsers = parser.add_subparsers(
            dest="noun", required=True, metavar="NOUN", parser_class=Parser
        )

    def noun(self, name: str, purpose: str) -> Verbs:
        """Declare a noun."""
        parser = self._subparsers.add_parser(name, help=purpose, description=f"{purpose}.")
        return Verbs(parser)

    def verb(self, name: str, purpose: str, act: Act) -> argparse.ArgumentParser:
        """Declare a verb that needs no noun."""
        parser = self._subparsers.add_parser(name, help=purpose, description=f"{purpose}.")
        return _equipped(parser, act)


class Verbs:
    """The verbs of a noun.

    Args:
        parser: of ``gateway admin NOUN``.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(self, name: str, purpose: str, act: Act) -> argparse.ArgumentParser:
        """Declare a verb, with the options that all verbs have.

        Args:
            name: as it is typed.
            purpose: in one sentence without a full stop.
            act: does it.
        """
        parser = self._subparsers.add_parser(name, help=purpose, description=f"{purpose}.")
        return _equipped(parser, act)


def _equipped(parser: argparse.ArgumentParser, act: Act) -> argparse.ArgumentParser:
    parser.set_defaults(act=act)
    group = parser.add_argument_group("network and key")
    group.add_argument(
        "--network", choices=tuple(NETWORKS), default="testnet", help="which one (testnet)"
    )
    group.add_argument(
        "--rpc-url", metavar="URL", help="a Soroban RPC server; mainnet has no default"
    )
    group.add_argument(
        "--addresses",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="where the contracts' addresses are kept (provider.toml)",
    )
    group.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="a file of mode 0600 with the secret key; else ADMIN_SECRET_KEY",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="show what would be sent and its cost; send nothing"
    )
    group.add_argument(
        "--max-fee", type=words.xlm, metavar="XLM", help="the most that one transaction may cost"
    )
    group.add_argument("--yes-mainnet", action="store_true", help="on mainnet, send without asking")
    return parser
