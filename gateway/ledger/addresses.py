"""Addresses as people type them; a mistyped one is found by its checksum, before anything is sent.

Format: https://stellar.org/protocol/sep-23.
"""

from __future__ import annotations

from stellar_sdk import StrKey


def is_account(text: str) -> bool:
    """Whether it is an account's address, 'G...'."""
    return StrKey.is_valid_ed25519_public_key(text)


def is_contract(text: str) -> bool:
    """Whether it is a contract's address, 'C...'."""
    return StrKey.is_valid_contract(text)


def is_secret(text: str) -> bool:
    """Whether it is a secret key, 'S...', which must never be shown."""
    return StrKey.is_valid_ed25519_secret_seed(text)
