"""The provider's key: from the environment or a private file, on a laptop, never on a gateway."""

from __future__ import annotations

import os
import stat
from collections.abc import MutableMapping
from pathlib import Path

from gateway.errors import Permanent
from gateway.ledger.keys import SigningKey

VARIABLE = "ADMIN_SECRET_KEY"
SIGNS = (
    "etc/village-gateway",
    "etc/gateway/gateway.toml",
    "etc/systemd/system/*gateway-field.service",
    "etc/systemd/system/*gateway-settlement.service",
    "usr/lib/systemd/system/*gateway-field.service",
    "usr/lib/systemd/system/*gateway-settlement.service",
)
"""What only a village's gateway has."""


def refuse_appliance(root: Path = Path("/")) -> None:
    """End here on a village's gateway: whoever steals it must not become the provider.

    Args:
        root: of the file system.

    Raises:
        Permanent: naming what gives it away.
    """
    for sign in SIGNS:
        found = next(root.glob(sign), None)
        if found is not None:
            raise Permanent(
                f"this looks like a village's gateway ({found} is here): `gateway admin` is for "
                "the provider's own computer, because its key must never be on a gateway"
            )


def load_key(path: Path | None, environment: MutableMapping[str, str] = os.environ) -> SigningKey:
    """Load the key, once; it is gone from the environment afterwards.

    Args:
        path: a file of mode 0600, which wins; None: the environment.
        environment: may hold ``ADMIN_SECRET_KEY``.

    Raises:
        Permanent: there is none, others may read it, or it is no secret key.
    """
    secret = environment.pop(VARIABLE, None)
    if path is not None:
        _assert_file(path)
        return SigningKey.load(path)
    if secret:
        return SigningKey.of_secret(secret, VARIABLE)
    raise Permanent(
        f"there is no key to sign with: name its file with --key-file, or set {VARIABLE}"
    )


def _assert_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Permanent(f"the key file {path} can't be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise Permanent(f"{path} is no file: name the one that holds the secret key")
