"""What all contracts have in common: invoking, uploading, creating, and the keys of entries."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from stellar_sdk import Address, scval, xdr
from stellar_sdk.operation import InvokeHostFunction

SALT_BYTES = 32
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of a contract's function.

    Args:
        contract: the contract's address.
        function: its name.
        arguments: by their names, in the order of the ABI; not shown, because they may be large.
    """

    contract: str
    function: str
    arguments: Mapping[str, xdr.SCVal] = field(repr=False)

    def operation(self) -> InvokeHostFunction:
        """The operation that a transaction carries."""
        return InvokeHostFunction(
            xdr.HostFunction(
                xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT,
                invoke_contract=xdr.InvokeContractArgs(
                    contract_address=Address(self.contract).to_xdr_sc_address(),
                    function_name=xdr.SCSymbol(self.function.encode("ascii")),
                    args=list(self.arguments.values()),
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class CallFor(Call, Generic[T_co]):
    """An invocation that answers with a value.

    Args:
        decode: makes the value of the answer; raises ValueError or KeyError for another form.
    """

    decode: Callable[[xdr.SCVal], T_co] = field(repr=False)


def call(contract: str, function: str, /, **arguments: xdr.SCVal) -> Call:
    """An invocation that answers with nothing.

    Args:
        contract: the contract's address.
        function: its name.
        arguments: in the order of the ABI.
    """
    return Call(contract, function, arguments)


def call_for(
    decode: Callable[[xdr.SCVal], T], contract: str, function: str, /, **arguments: xdr.SCVal
) -> CallFor[T]:
    """An invocation that answers with a value; otherwise as :func:`call`."""
    return CallFor(contract, function, arguments, decode)


def upload(wasm: bytes) -> InvokeHostFunction:
    """Put a contract's code on the network; the answer is its hash."""
    return InvokeHostFunction(
        xdr.HostFunction(xdr.HostFunctionType.HOST_FUNCTION_TYPE_UPLOAD_CONTRACT_WASM, wasm=wasm),
        auth=[],
    )


def create(
    wasm_hash: bytes,
    deployer: str,
    arguments: Sequence[xdr.SCVal],
    salt: bytes | None = None,
) -> InvokeHostFunction:
    """Create a contract from uploaded code; the answer is its address.

    Args:
        wasm_hash: of the code, 32 bytes.
        deployer: the account that the address is derived from.
        arguments: of the constructor.
        salt: 32 bytes; drawn when None.
    """
    executable = xdr.ContractExecutable(
        xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, xdr.Hash(wasm_hash)
    )
    preimage = _preimage(deployer, salt or secrets.token_bytes(SALT_BYTES))
    return InvokeHostFunction(
        xdr.HostFunction(
            xdr.HostFunctionType.HOST_FUNCTION_TYPE_CREATE_CONTRACT_V2,
            create_contract_v2=xdr.CreateContractArgsV2(preimage, executable, list(arguments)),
        )
    )


def address_from(network_id: bytes, deployer: str, salt: bytes) -> str:
    """The address that :func:`create` gives.

    Args:
        network_id: SHA-256 of the network's passphrase, 32 bytes.
        deployer: the account that the address is derived from.
        salt: 32 bytes.
    """
    preimage = xdr.HashIDPreimage(
        xdr.EnvelopeType.ENVELOPE_TYPE_CONTRACT_ID,
        contract_id=xdr.HashIDPreimageContractID(
            network_id=xdr.Hash(network_id), contract_id_preimage=_preimage(deployer, salt)
        ),
    )
    return Address.from_raw_contract(hashlib.sha256(preimage.to_xdr_bytes()).digest()).address


def _preimage(deployer: str, salt: bytes) -> xdr.ContractIDPreimage:
    return xdr.ContractIDPreimage(
        xdr.ContractIDPreimageType.CONTRACT_ID_PREIMAGE_FROM_ADDRESS,
        from_address=xdr.ContractIDPreimageFromAddress(
            address=Address(deployer).to_xdr_sc_address(), salt=xdr.Uint256(salt)
        ),
    )


def persistent_key(contract: str, *parts: xdr.SCVal) -> xdr.LedgerKey:
    """The key of a contract's persistent entry, from the parts of its enum key."""
    return _data_key(contract, scval.to_vec(list(parts)))


def instance_key(contract: str) -> xdr.LedgerKey:
    """Where a contract itself is kept."""
    return _data_key(contract, xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE))


def code_key(wasm_hash: bytes) -> xdr.LedgerKey:
    """Where uploaded code is kept.

    Args:
        wasm_hash: its SHA-256, 32 bytes.
    """
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_CODE,
        contract_code=xdr.LedgerKeyContractCode(xdr.Hash(wasm_hash)),
    )


def _data_key(contract: str, key: xdr.SCVal) -> xdr.LedgerKey:
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            contract=Address(contract).to_xdr_sc_address(),
            key=key,
            durability=xdr.ContractDataDurability.PERSISTENT,
        ),
    )


def code_of(instance: xdr.SCVal) -> bytes | None:
    """Which code an instance runs: its SHA-256; None for a token of the network's own.

    Args:
        instance: the value of the entry under :func:`instance_key`.
    """
    if instance.instance is None:
        raise ValueError("the entry is no contract's instance")
    wasm_hash = instance.instance.executable.wasm_hash
    return wasm_hash.hash if wasm_hash else None


def address_of(value: xdr.SCVal) -> str:
    """A returned address, 'C...' or 'G...'."""
    return scval.from_address(value).address
