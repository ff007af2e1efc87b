"""A local ledger to measure on: what a transaction declares, and what the network charges for it.

Host, limits and fees are the network's; time is driven, so that a month takes a minute. The one
account is admin, signer and household at once. Claims nothing.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stellar_sdk import (
    Account,
    Keypair,
    SorobanServer,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.operation import ExtendFootprintTTL
from stellar_sdk.operation.operation import Operation

from gateway.ledger.contracts.calls import Call, address_of, upload
from gateway.ledger.fees import BASE_FEE_STROOPS, fit_fee, sign
from gateway.ledger.keys import SigningKey
from gateway.ledger.limits import Limits
from gateway.simulation.localnet import PASSPHRASE, find_localnet

WASM = Path(__file__).parents[1] / "contracts" / "wasm"
START_S = 1_767_225_600
"""2026-01-01T00:00:00Z, where ledger time begins."""
HOUR_LEDGERS = 720
"""Of 5 s each."""
MONTH_LEDGERS = 30 * 24 * HOUR_LEDGERS
STROOPS_PER_XLM = 10_000_000
DEAR_STATE_BYTES = 3_000_044_444
"""Size of all contract state at which 1 KiB costs 12 000 stroops a rent period: twelve times the
protocol's minimum, which is what it costs today (docs/adr/0011)."""
DEAR_BY = 12

_MAX_FEE_STROOPS = 100_000_000_000
_MAX_OUTPUT_BYTES = 16_384
_SIGNATURE_BYTES = 72


@dataclass(frozen=True, slots=True)
class Cost:
    """One transaction that was applied.

    Args:
        instructions: declared, which is what is paid for.
        keys: ledger keys named, read or written.
        written_entries: entries written.
        written_bytes: bytes written.
        read_bytes: bytes read from disk; live contract entries are in memory and count nothing.
        transaction_bytes: the signed envelope.
        output_bytes: events and what the call returned.
        fee_stroops: everything that was charged, rent and inclusion too.
        rent_stroops: the part of it that keeps entries alive.
    """

    instructions: int
    keys: int
    written_entries: int
    written_bytes: int
    read_bytes: int
    transaction_bytes: int
    output_bytes: int
    fee_stroops: int
    rent_stroops: int

    @property
    def work_stroops(self) -> int:
        """The fee without rent."""
        return self.fee_stroops - self.rent_stroops

    def limit_shares(self) -> dict[str, float]:
        """How much of each of the network's limits per transaction it takes, 0..1."""
        limits = Limits()
        return {
            "instructions": self.instructions / limits.instructions,
            "ledger keys": self.keys / limits.footprint_keys,
            "entries written": self.written_entries / limits.write_entries,
            "bytes written": self.written_bytes / limits.write_bytes,
            "bytes read": self.read_bytes / limits.disk_read_bytes,
            "bytes of transaction": self.transaction_bytes / limits.transaction_bytes,
            "bytes of events and answer": self.output_bytes / _MAX_OUTPUT_BYTES,
        }


class Chain:
    """A fresh ledger, with an account that pays for everything.

    Args:
        url: where the local ledger answers.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._server = SorobanServer(url)
        self._key = SigningKey(Keypair.random())
        with urllib.request.urlopen(f"{url}/friendbot?addr={self.address}") as answer:  # noqa: S310
            answer.read()
        self._account = self._server.load_account(self.address)

    @property
    def address(self) -> str:
        """The account that pays."""
        return self._key.address

    @property
    def now_s(self) -> int:
        """The newest ledger's close time, unix seconds."""
        return int(str(self._ask("getLatestLedger", {})["closeTime"]))

    def pass_ledgers(self, count: int) -> None:
        """Let ``count`` ledgers go by, 5 s each."""
        self._ask("dev_advanceLedgers", {"n": count})

    def deploy(self, name: str, create: Callable[[bytes], Operation]) -> str:
        """Put a contract of ``contracts/wasm`` on the ledger and return its address.

        Args:
            name: of the contract.
            create: makes the constructing operation from the code's hash, 32 bytes.
        """
        wasm = (WASM / f"{name}.wasm").read_bytes()
        self._perform(upload(wasm))
        meta = self._perform(create(hashlib.sha256(wasm).digest()))
        value = _soroban(meta).return_value
        if value is None:
            raise ValueError(f"the ledger gave no address for {name}")
        return address_of(value)

    def do(self, call: Call) -> Cost:
        """Call a contract and look at what it cost.

        Raises:
            TooLarge: it is beyond a limit of the network.
        """
        envelope = self._prepared(call.operation())
        return _cost(envelope, *self._applied(envelope))

    def keep_alive(self, key: xdr.LedgerKey, ledgers: int) -> int:
        """Let an entry live longer by ``ledgers`` and return the rent for it, stroops."""
        found = self._server.get_ledger_entries([key])
        live_until = (found.entries or [])[0].live_until_ledger
        if live_until is None:
            raise ValueError("the entry lives for ever")
        # Applied in the next ledger, from which it counts.
        extend_to = live_until - (found.latest_ledger + 1) + ledgers
        envelope = self._prepared(ExtendFootprintTTL(extend_to), _reading(key))
        return _cost(envelope, *self._applied(envelope)).rent_stroops

    def _perform(self, operation: Operation) -> xdr.TransactionMeta:
        return self._applied(self._prepared(operation))[1]

    def _prepared(
        self, operation: Operation, data: xdr.SorobanTransactionData | None = None
    ) -> TransactionEnvelope:
        account = Account(self.address, self._account.sequence)
        builder = TransactionBuilder(account, PASSPHRASE, base_fee=BASE_FEE_STROOPS)
        builder.append_operation(operation).add_time_bounds(0, 0)
        if data is not None:
            builder.set_soroban_data(data)
        envelope = self._server.prepare_transaction(builder.build())
        fit_fee(envelope, _MAX_FEE_STROOPS)
        Limits().check(envelope)
        return envelope

    def _applied(
        self, envelope: TransactionEnvelope
    ) -> tuple[xdr.TransactionResult, xdr.TransactionMeta]:
        signed = sign(envelope, self._key, 0)
        self._ask("sendTransaction", {"transaction": signed.envelope})
        answer = self._ask("getTransaction", {"hash": signed.tx_hash})
        if answer["status"] != "SUCCESS":
            raise RuntimeError(f"the ledger did not apply the transaction: {answer['status']}")
        self._account.increment_sequence_number()
        return (
            xdr.TransactionResult.from_xdr(str(answer["resultXdr"])),
            xdr.TransactionMeta.from_xdr(str(answer["resultMetaXdr"])),
        )

    def _ask(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = urllib.request.Request(  # noqa: S310 - loopback, ours
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback, ours
            found = json.load(answer)
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']}")
        return dict(found["result"])


@contextmanager
def opened(state_bytes: int | None = None) -> Iterator[Chain]:
    """Run a ledger until the block ends; it closes whenever there is something to do.

    Args:
        state_bytes: size of all contract state of the network, which the rate of rent follows;
            None for today's.
    """
    command = [str(find_localnet()), "--listen", "127.0.0.1:0", "--passphrase", PASSPHRASE]
    command += ["--close-ms", "0", "--clock-origin", str(START_S), "--clock-factor", "0"]
    if state_bytes is not None:
        command += ["--state-bytes", str(state_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:  # asked for above
            raise AssertionError
        line = process.stdout.readline()
        try:
            yield Chain(line.split()[-1])
        finally:
            process.terminate()


def _reading(key: xdr.LedgerKey) -> xdr.SorobanTransactionData:
    """A footprint of one entry; simulation fills in the rest."""
    nothing = xdr.Uint32(0)
    resources = xdr.SorobanResources(
        xdr.LedgerFootprint(read_only=[key], read_write=[]), nothing, nothing, nothing
    )
    ext = xdr.SorobanTransactionDataExt(0)
    return xdr.SorobanTransactionData(ext, resources, xdr.Int64(0))


def _cost(
    envelope: TransactionEnvelope, result: xdr.TransactionResult, meta: xdr.TransactionMeta
) -> Cost:
    data = envelope.transaction.soroban_data
    soroban = _soroban(meta)
    if data is None or soroban.ext.v1 is None or meta.v4 is None:
        raise ValueError("the transaction calls no contract")
    footprint = data.resources.footprint
    events = [one for operation in meta.v4.operations for one in operation.events]
    answer = soroban.return_value.to_xdr_bytes() if soroban.return_value else b""
    return Cost(
        instructions=data.resources.instructions.uint32,
        keys=len(footprint.read_only) + len(footprint.read_write),
        written_entries=len(footprint.read_write),
        written_bytes=data.resources.write_bytes.uint32,
        read_bytes=data.resources.disk_read_bytes.uint32,
        transaction_bytes=len(envelope.to_xdr_object().to_xdr_bytes()) + _SIGNATURE_BYTES,
        output_bytes=sum(len(one.to_xdr_bytes()) for one in events) + len(answer),
        fee_stroops=result.fee_charged.int64,
        rent_stroops=soroban.ext.v1.rent_fee_charged.int64,
    )


def _soroban(meta: xdr.TransactionMeta) -> xdr.SorobanTransactionMetaV2:
    if meta.v4 is None or meta.v4.soroban_meta is None:
        raise ValueError("the transaction calls no contract")
    return meta.v4.soroban_meta
