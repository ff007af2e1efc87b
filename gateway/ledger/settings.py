"""What the ledger's services are told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """The site, its contract, and how often to do what.

    Args:
        site: the village's number on chain.
        contract: the meter contract's address, 'C...'.
        passphrase: the network's, which signatures are bound to.
        rpc_urls: Soroban RPC servers in order of preference, at least one.
        settle_every_s: how often usage is settled, village seconds, a multiple of 900.
        settle_after_s: how long late readings are waited for, village seconds.
        credit_every_s: how long payments taken on site may wait for others, village seconds.
        refresh_s: how often the chain is asked what happened, village seconds.
        valid_for_s: how long a signed transaction may be applied, ledger seconds.
        max_fee_stroops: the most that one transaction may cost.
        max_inclusion_fee_stroops: the part of it that may be offered for a place in a ledger.
        max_lag_ledgers: how far behind the newest ledger seen an answer may be.
        longest_outage_days: how long the contract has to live without anyone's help.
        keep_code: whether its code, which serves every village, has to live as long, too.
        scheduler: the contract of hourly payments, 'C...'; None: there is none.
        poll_s: how often an answer is asked for while one is awaited, wall seconds.
    """

    site: int
    contract: str
    passphrase: str
    rpc_urls: tuple[str, ...]
    settle_every_s: int = 21_600
    settle_after_s: int = 120
    credit_every_s: int = 3600
    refresh_s: float = 60.0
    valid_for_s: int = 300
    max_fee_stroops: int = 100_000_000
    max_inclusion_fee_stroops: int = 1_000_000
    max_lag_ledgers: int = 60
    longest_outage_days: int = 170
    keep_code: bool = True
    scheduler: str | None = None
    poll_s: float = 1.0

    @property
    def network_id(self) -> bytes:
        """SHA-256 of the passphrase, 32 bytes."""
        return hashlib.sha256(self.passphrase.encode()).digest()
