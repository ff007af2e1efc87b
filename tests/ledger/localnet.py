"""Starts a development ledger for a test: the real Soroban host behind real JSON-RPC.

The ledger's clock stands still until a test moves it, and a ledger closes for every transaction,
so that nothing here has to wait.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.simulation.localnet import PASSPHRASE, find_localnet

__all__ = ["PASSPHRASE", "ROOT", "Localnet", "running"]

ROOT = Path(__file__).parents[2]
LEDGER_S = 5
"""How long a ledger takes, as the network's lives of entries are counted."""


@dataclass(frozen=True, slots=True)
class Localnet:
    """A running ledger.

    Args:
        url: where it answers.
    """

    url: str

    def ask(self, method: str, params: Mapping[str, object] | None = None) -> dict[str, object]:
        """One JSON-RPC request; an error fails the test."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            result = json.load(answer)
        assert "error" not in result, result
        found = result["result"]
        assert isinstance(found, dict)
        return found

    def fund(self, address: str) -> None:
        """Give an account its first lumens."""
        with urllib.request.urlopen(f"{self.url}/friendbot?addr={address}") as answer:  # noqa: S310
            assert answer.status == 200

    def advance(self, seconds: int) -> None:
        """Move ledger time and close a ledger."""
        self.ask("dev_advance", {"seconds": seconds})

    def close_ledgers(self, count: int = 1) -> None:
        """Close ledgers without anything in them."""
        self.ask("dev_closeLedgers", {"n": count})

    def leave_alone(self, seconds: int) -> None:
        """Let ledgers close without anything in them, one every 5 s, so that entries expire."""
        self.ask("dev_advanceLedgers", {"n": seconds // LEDGER_S})

    def time_s(self) -> int:
        """The newest ledger's close time, unix seconds."""
        return int(str(self.ask("getLatestLedger")["closeTime"]))


@contextmanager
def running(
    origin_s: int,
    close_ms: int = 0,
    retention_ledgers: int = 120_960,
    passphrase: str = PASSPHRASE,
    *,
    factor: int = 0,
    snapshot: Path | None = None,
) -> Iterator[Localnet]:
    """Run a ledger until the block ends.

    Args:
        origin_s: ledger time at the start; without a factor it stands still unless it is advanced.
        close_ms: 0 closes a ledger for every transaction.
        retention_ledgers: how far back events can be asked for.
        passphrase: the network that it says it is.
        factor: ledger seconds per second.
        snapshot: goes on from this file, if it is there.
    """
    arguments: dict[str, object] = {
        "--listen": "127.0.0.1:0",
        "--passphrase": passphrase,
        "--close-ms": close_ms,
        "--retention-ledgers": retention_ledgers,
        "--clock-origin": origin_s,
        "--clock-factor": factor,
    }
    if snapshot is not None:
        arguments["--snapshot"] = snapshot
    command = [str(find_localnet()), *(str(part) for pair in arguments.items() for part in pair)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield Localnet(line.split()[-1])
        finally:
            process.terminate()
