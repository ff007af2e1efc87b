"""``--config`` of a command; where that has actions, it may stand on either side of the action."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from gateway.config import DEFAULT_PATH


def add_config(
    parser: argparse.ArgumentParser, actions: Iterable[argparse.ArgumentParser] = ()
) -> None:
    """Declare it.

    Args:
        parser: of the command.
        actions: of each of its actions.
    """
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help=f"the settings ({DEFAULT_PATH})",
    )
    for action in actions:  # SUPPRESS: one that says nothing leaves what stood before it
        action.add_argument(
            "--config",
            type=Path,
            default=argparse.SUPPRESS,
            metavar="FILE",
            help=f"the settings ({DEFAULT_PATH})",
        )
