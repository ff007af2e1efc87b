"""The signing key: loaded once from a private file, able to sign, unable to be shown.

Nothing here ever returns, prints or logs the secret, and an error never repeats what a file holds.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

from stellar_sdk import FeeBumpTransactionEnvelope, Keypair, TransactionEnvelope

from gateway.errors import Permanent
from gateway.store.outbox import Signed

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SigningKey:
    """A key pair of which only the public half can be seen.

    Args:
        keypair: with its secret; the caller lets go of it.
    """

    __slots__ = ("_keypair", "address")

    def __init__(self, keypair: Keypair) -> None:
        self._keypair = keypair
        self.address: str = keypair.public_key

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read the secret ('S...') from a file that only its owner can read.

        Args:
            path: the file; a bare name is looked up among systemd's credentials.

        Raises:
            Permanent: it is missing, others may read it, or it holds no secret key.
        """
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and path.name == str(path) and (Path(credentials) / path).exists():
            path = Path(credentials) / path
        elif _others_may_read(path):
            raise Permanent(f"others may read {path}: run `chmod 600 {path}`")
        try:
            return cls(Keypair.from_secret(path.read_text("ascii").strip()))
        except OSError as error:
            why = error.strerror or "unreadable"
            raise Permanent(f"the signing key {path} cannot be read: {why}") from None
        except ValueError:
            raise Permanent(f"{path} holds no secret key: one line that starts with S") from None

    @classmethod
    def of_secret(cls, secret: str, where: str) -> SigningKey:
        """Take a secret ('S...') that came another way than by a file.

        Args:
            secret: never repeated, not even when it is wrong.
            where: how to call the place it came from.

        Raises:
            Permanent: it is no secret key.
        """
        try:
            return cls(Keypair.from_secret(secret.strip()))
        except ValueError:
            raise Permanent(f"{where} holds no secret key: one that starts with S") from None

    def sign(
        self, envelope: TransactionEnvelope | FeeBumpTransactionEnvelope, valid_until_s: int
    ) -> Signed:
        """Sign a transaction for the network that it was built for.

        Args:
            envelope: unsigned, its time bound set; a fee bump around one that is signed.
            valid_until_s: that time bound (unix seconds).
        """
        envelope.sign(self._keypair)
        return Signed(envelope.to_xdr(), envelope.hash_hex(), valid_until_s)

    def __repr__(self) -> str:
        return f"SigningKey({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key stays in its process")


def _others_may_read(path: Path) -> bool:
    """False also for a file that is missing or out of reach: reading it will say so."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False
