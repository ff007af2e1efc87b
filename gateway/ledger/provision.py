"""The provider's side: putting the contracts on a ledger and opening a village on them.

Used by the demo and by tests; needs the provider's key, which never lives on a gateway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.domain.batches import Price
from gateway.errors import Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import electric, meter
from gateway.ledger.contracts.calls import Call, address_of, upload
from gateway.ledger.keys import SigningKey

CODE_MAX_FEE_STROOPS = 20_000_000_000
"""2000 XLM: several times what putting the larger contract's code on the network costs."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are.

    Args:
        meter: the meter contract's address.
        token: the address of the token that households pay in.
    """

    meter: str
    token: str


@dataclass(frozen=True, slots=True)
class NewMeter:
    """A meter point as the provider registers it.

    Args:
        slot: its number within the site, the next free one.
        max_power_w: the most it can draw, W.
        settlement_mode: 'prepaid', 'streaming' or 'postpaid'.
    """

    slot: int
    max_power_w: int
    settlement_mode: str


class Provider:
    """Acts for the provider on one network.

    Args:
        client: the network.
        key: the provider's: admin of the contracts.
        poll_s: how often an answer is asked for, wall seconds.
    """

    def __init__(self, client: LedgerClient, key: SigningKey, poll_s: float = 1.0) -> None:
        self._client = client
        self._key = key
        self._poll_s = poll_s

    async def deploy(self, meter_wasm: bytes, electric_wasm: bytes) -> Deployment:
        """Put both contracts on the ledger.

        Args:
            meter_wasm: code of the meter contract.
            electric_wasm: code of the token.
        """
        address = self._key.address
        token_code = await self._upload(electric_wasm)
        token = await self._create(electric.constructor(token_code, address, address))
        meter_code = await self._upload(meter_wasm)
        contract = await self._create(meter.constructor(meter_code, address, address, token))
        return Deployment(contract, token)

    async def open_site(
        self, contract: str, site: int, signer: str, meters: Iterable[NewMeter], price: Price
    ) -> None:
        """Open a village: its gateway's key, its meters, its first price.

        Args:
            contract: the meter contract.
            site: the village's number.
            signer: the gateway's public key.
            meters: in the order of their slots.
            price: version 1; ``version`` is not looked at.
        """
        await self._do(meter.add_site(contract, site, self._key.address))
        await self._do(meter.allow(contract, site, signer))
        rates = (price.off_peak, price.standard, price.peak)
        since_s = price.effective_from_s
        await self._do(meter.set_price(contract, since_s, rates, price.daily, price.weekly))
        for new in meters:
            await self._do(
                meter.register_meter(
                    contract,
                    site << 32 | new.slot,
                    self._key.address,
                    new.max_power_w,
                    new.settlement_mode,
                )
            )

    async def grant(self, token: str, to: str, amount: int) -> None:
        """Give somebody tokens.

        Args:
            token: the token's address.
            to: who gets them.
            amount: stroops.
        """
        await self._do(electric.mint(token, to, amount))

    async def _do(self, call: Call) -> None:
        await self._client.perform(call.operation(), self._key, poll_s=self._poll_s)

    async def _upload(self, wasm: bytes) -> bytes:
        await self._perform_costly(upload(wasm))
        return hashlib.sha256(wasm).digest()

    async def _create(self, operation: InvokeHostFunction) -> str:
        value = await self._perform_costly(operation)
        if value is None:
            raise Permanent("the ledger gave no address for the new contract")
        return address_of(value)

    async def _perform_costly(self, operation: InvokeHostFunction) -> xdr.SCVal | None:
        """Uploading or creating: both pay rent for the code, months ahead."""
        return await self._client.perform(
            operation, self._key, poll_s=self._poll_s, max_fee_stroops=CODE_MAX_FEE_STROOPS
        )
