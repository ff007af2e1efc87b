"""The ``gateway`` command: finds the subcommand and runs it. Each lives in ``commands/``.

Modules are imported only when their command is asked for, so that a process carries no more
than it needs.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

from gateway import __version__
from gateway.commands.showing import show
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
_MORE = "gateway COMMAND --help says more about one. What to do when: docs/operator.md"
PERMANENT = 1
WRONG_LINE = 2
INTERRUPTED = 130
NO_READER = 141
"""As a shell counts who was ended by SIGINT, or by SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; default: that of the process.

    Returns:
        0 when it did what was asked; 1 when it could not; 2 for a wrong command line; 130 when
        it was interrupted; 141 when nobody reads its answer any more.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for word in given:
        if not _is_text(word):
            _complain(f"{word!a} is no text in UTF-8: type it again")
            return WRONG_LINE
    parser = command_line(given)
    if not given:
        parser.print_help(sys.stderr)
        return WRONG_LINE
    parsed = parser.parse_args(given)
    logging.basicConfig(
        level=logging.INFO if parsed.command == "run" else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        status = int(_module(parsed.command).run(parsed))
        sys.stdout.flush()
    except GatewayError as error:
        _complain(str(error))
        return PERMANENT
    except KeyboardInterrupt:
        _complain("")
        return INTERRUPTED
    except OSError as error:
        return _explain(error)
    return status


def command_line(given: Sequence[str]) -> argparse.ArgumentParser:
    """What may be typed; the arguments of the command that is named in it, and no other's.

    Args:
        given: the words after the program's name.
    """
    name = next((word for word in given if not word.startswith("-")), None)
    parser = _Parser(
        prog="gateway",
        description="The village gateway.",
        epilog="\n".join(["commands:", *_purposes(), "", _MORE]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help="one of those below"
    )
    for command, purpose in COMMANDS.items():
        description = f"{purpose[0].upper()}{purpose[1:]}."
        subparser = subparsers.add_parser(command, description=description)
        if command == name:
            _module(command).add_arguments(subparser)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says on a terminal what is wrong with a line in lines that fit."""

    def error(self, message: str) -> NoReturn:
        """Show the usage and what is wrong; never returns."""
        self.print_usage(sys.stderr)
        _complain(f"{self.prog}: {message}")
        raise SystemExit(WRONG_LINE)


def _purposes() -> list[str]:
    """Argparse's own list breaks where a name is longer than it has room for."""
    return [f"  {command:<14}{purpose}" for command, purpose in COMMANDS.items()]


def _is_text(word: str) -> bool:
    """Whether it is UTF-8; Python hides other bytes in halves of surrogate pairs."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _complain(sentence: str) -> None:
    show(sentence, sys.stderr)


def _explain(error: OSError) -> int:
    """What to say when the system refuses a file that no command has words of its own for."""
    if error.filename is not None:
        advice = ": use sudo, or run this as its owner" if error.errno == errno.EACCES else ""
        _complain(f"{error.filename}: {error.strerror}{advice}")
        return PERMANENT
    if error.errno not in {errno.EPIPE, errno.ENOSPC, errno.EIO}:
        raise error
    # What is left to be written goes nowhere, or Python would complain again at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return NO_READER
    _complain(f"the answer could not be written: {error.strerror}")
    return PERMANENT


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
