"""Secrets from files that only their owner can read; none is ever repeated in an error."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Permanent
from gateway.wire.relays import MIN_KEY_BYTES

if TYPE_CHECKING:
    from gateway.wire.tokens import TokenKey

LEAST_SECRET = 32
"""Characters."""


def read_secret(path: Path) -> str:
    """A secret from a file that only its owner can read; never repeated in an error.

    Raises:
        Permanent: it is missing, or others may read it.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Permanent(f"others may read {path}: run `chmod 600 {path}`")
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not plain text"
        raise Permanent(f"{path} can't be read: {why}") from None


def bearer_secret(path: Path) -> str:
    """The secret of mobile-money services.

    Raises:
        Permanent: it is missing, open to others, or too short to be one.
    """
    secret = read_secret(path).strip()
    if len(secret) < LEAST_SECRET or not secret.isprintable() or " " in secret:
        raise Permanent(
            f"{path}: give one line of {LEAST_SECRET} characters or more without blanks "
            "(`openssl rand -hex 32` makes some)"
        )
    return secret


def node_keys(path: Path) -> Mapping[str, bytes]:
    """The key of each node: one line ``NAME HEX`` per node.

    Raises:
        ConfigError: a line is not of that form; the sentence has its number, not its text.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(read_secret(path).splitlines(), start=1):
        if not line.strip():
            continue
        name, _, text = line.strip().partition(" ")
        if name in keys:
            raise ConfigError([f"{path} line {number}: {name} has a key already; keep one"])
        try:
            keys[name] = bytes.fromhex(text)
        except ValueError:
            keys[name] = b""
        if len(keys[name]) < MIN_KEY_BYTES:
            raise ConfigError(
                [f"{path} line {number}: write NAME, a space and at least 32 hex digits"]
            )
    return keys


def read_token_keys(path: Path) -> Mapping[str, TokenKey]:
    """The key of each meter point's tokens: one line ``LABEL HEX STARTING_CODE`` per meter point.

    Raises:
        Permanent: it is missing, or others may read it.
        ConfigError: a line is not of that form; the sentence has its number, not its text.
    """
    from gateway.wire.tokens import read_keys

    try:
        return read_keys(read_secret(path))
    except ValueError as error:
        raise ConfigError([f"{path} {error}"]) from None
