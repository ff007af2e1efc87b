"""Which network, and where the provider's contracts are on it.

Addresses are kept in a TOML file of the provider, one table per network; there are no secrets in
it. ``CONTRACT_ID`` in the environment wins for the meter contract.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.app.settings import PASSPHRASES
from gateway.commands.admin.words import U32_MAX
from gateway.errors import Permanent
from gateway.ledger.addresses import is_contract
from gateway.simulation.localnet import PASSPHRASE

DEFAULT_FILE = Path("provider.toml")
CONTRACTS = ("token", "meter", "certification", "market", "oracle", "scheduler")
"""In the order in which they are deployed: each needs only those before it."""
_HEADER = """\
# Where this provider's contracts are. Written by `gateway admin`; holds no secrets.
"""


@dataclass(frozen=True, slots=True)
class Network:
    """A Stellar network.

    Args:
        name: 'local', 'testnet' or 'mainnet'.
        passphrase: which signatures are bound to.
        rpc_url: a Soroban RPC server; None: one has to be named.
    """

    name: str
    passphrase: str
    rpc_url: str | None


NETWORKS = {
    "local": Network("local", PASSPHRASE, "http://127.0.0.1:8000"),
    "testnet": Network("testnet", PASSPHRASES["testnet"], "https://soroban-testnet.stellar.org"),
    "mainnet": Network("mainnet", PASSPHRASES["mainnet"], None),
}


@dataclass(slots=True)
class Places:
    """A provider's contracts on one network.

    Args:
        path: the file.
        network: its table in it.
        contracts: addresses by name.
        named: the meter contract of the environment, which is not written down.
        sites: villages that were added.
        others: what the file says of other networks.
    """

    path: Path
    network: str
    contracts: dict[str, str] = field(default_factory=dict)
    named: str | None = None
    sites: list[int] = field(default_factory=list)
    others: dict[str, dict[str, object]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, network: str, environment: Mapping[str, str] = os.environ) -> Places:
        """Read the file; one that is not there yet is empty.

        Args:
            path: the file.
            network: 'local', 'testnet' or 'mainnet'.
            environment: ``CONTRACT_ID`` wins for the meter contract.

        Raises:
            Permanent: naming what is wrong in it.
        """
        document = _document(path)
        table = document.pop(network, {})
        places = cls(path, network, others=document)
        for name, value in table.items():
            if name == "sites":
                places.sites = _sites(path, network, value)
            else:
                places.contracts[name] = _contract(str(path), f"{network}.{name}", value)
        if named := environment.get("CONTRACT_ID"):
            places.named = _contract("CONTRACT_ID", "CONTRACT_ID", named)
        return places

    def find(self, name: str) -> str:
        """A contract's address.

        Raises:
            Permanent: it was not deployed, or the file is another one.
        """
        if name not in self.known:
            raise Permanent(
                f"{self.path} names no {name} contract on {self.network}: deploy it, "
                f"or write its address there, or name another file with --addresses"
            )
        return self.known[name]

    @property
    def known(self) -> dict[str, str]:
        """Every contract's address by its name, with that of the environment."""
        return self.contracts | ({"meter": self.named} if self.named else {})

    def name_of(self, contract: str) -> str:
        """What a contract is called here; its address when it is not."""
        names = (name for name, address in self.known.items() if address == contract)
        return next(names, contract)

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            Permanent: it cannot be written.
        """
        tables: dict[str, dict[str, object]] = dict(self.others)
        own: dict[str, object] = dict(self.contracts)
        tables[self.network] = own | ({"sites": sorted(self.sites)} if self.sites else {})
        lines = [_HEADER]
        for network in sorted(tables):
            lines.append(f"[{network}]")
            lines += [f"{name} = {_toml(value)}" for name, value in tables[network].items()]
            lines.append("")
        unfinished = self.path.with_name(self.path.name + ".new")
        try:
            unfinished.write_text("\n".join(lines), "ascii")
            unfinished.replace(self.path)
        except OSError as error:
            raise Permanent(f"{self.path} can't be written: {error.strerror}") from None


def _document(path: Path) -> dict[str, dict[str, object]]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"{path} can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise Permanent(f"{path} isn't valid TOML: {error}") from None
    for name, table in document.items():
        if name not in NETWORKS or not isinstance(table, dict):
            known = ", ".join(f"[{one}]" for one in NETWORKS)
            raise Permanent(f"{path}: {name} is no network; known: {known}")
    return document


def _contract(path: str, where: str, value: object) -> str:
    name = where.rpartition(".")[2]
    if name != "CONTRACT_ID" and name not in CONTRACTS:
        raise Permanent(f"{path}: {where} is not a contract; known: {', '.join(CONTRACTS)}")
    if not isinstance(value, str) or not is_contract(value):
        raise Permanent(f"{path}: {where} is no contract's address: one is mistyped in {value!r}")
    return value


def _sites(path: Path, network: str, value: object) -> list[int]:
    if not isinstance(value, list) or not all(
        isinstance(one, int) and 0 <= one <= U32_MAX for one in value
    ):
        raise Permanent(f"{path}: {network}.sites is a list of sites' numbers, like [1, 7]")
    return value


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
