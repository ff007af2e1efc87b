"""What one transaction may use on the network; checked here, because simulation does not.

Values are the network's settings of mid-2026 (protocol 28), the ``ConfigSettingContract...``
ledger entries; see https://developers.stellar.org/docs/networks/resource-limits-fees.
"""

from __future__ import annotations

from dataclasses import dataclass

from stellar_sdk import TransactionEnvelope, xdr

from gateway.errors import Permanent
from gateway.ledger.envelopes import archived_keys


class TooLarge(Permanent):
    """The transaction is beyond a network limit: it has to be split."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per transaction.

    Args:
        instructions: CPU instructions.
        footprint_keys: ledger keys named, read or written.
        write_entries: entries written.
        write_bytes: bytes written.
        disk_read_entries: entries restored from the archive.
        disk_read_bytes: bytes read from disk.
        transaction_bytes: size of the signed envelope.
    """

    instructions: int = 400_000_000
    footprint_keys: int = 400
    write_entries: int = 200
    write_bytes: int = 132_096
    disk_read_entries: int = 200
    disk_read_bytes: int = 200_000
    transaction_bytes: int = 132_096

    def check(self, envelope: TransactionEnvelope) -> None:
        """Compare what a prepared transaction declares with what the network allows.

        Args:
            envelope: with its Soroban data.

        Raises:
            TooLarge: naming the first limit that it is beyond.
        """
        data = envelope.transaction.soroban_data
        used = {"bytes of transaction": (_signed_bytes(envelope), self.transaction_bytes)}
        if data is not None:
            used |= self._resources(data.resources)
            restored = len(archived_keys(envelope))
            used["entries restored"] = (restored, self.disk_read_entries)
        for what, (amount, limit) in used.items():
            if amount > limit:
                raise TooLarge(f"{amount} {what}, the network allows {limit}")

    def _resources(self, resources: xdr.SorobanResources) -> dict[str, tuple[int, int]]:
        footprint = resources.footprint
        keys = len(footprint.read_only) + len(footprint.read_write)
        return {
            "instructions": (resources.instructions.uint32, self.instructions),
            "ledger keys": (keys, self.footprint_keys),
            "entries written": (len(footprint.read_write), self.write_entries),
            "bytes written": (resources.write_bytes.uint32, self.write_bytes),
            "bytes read": (resources.disk_read_bytes.uint32, self.disk_read_bytes),
        }


_SIGNATURE_BYTES = 72


def _signed_bytes(envelope: TransactionEnvelope) -> int:
    """The size with one signature: hint 4, length 4, signature 64."""
    return len(envelope.to_xdr_object().to_xdr_bytes()) + _SIGNATURE_BYTES
