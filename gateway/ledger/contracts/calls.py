"""What all contracts have in common: invoking, uploading, creating, and the keys of entries."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from stellar_sdk import Address, scval, xdr
from stellar_sdk.operation import InvokeHostFunction

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of a contract's function.

    Args:
        contract: the contract's address.
        function: its name.
        arguments: in the order of the ABI; not shown, because they may be large.
    """

    contract: str
    function: str
    arguments: tuple[xdr.SCVal, ...] = field(repr=False)

    def operation(self) -> InvokeHostFunction:
        """The operation that a transaction carries."""
        return InvokeHostFunction(
            xdr.HostFunction(
                xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT,
                invoke_contract=xdr.InvokeContractArgs(
                    contract_address=Address(self.contract).to_xdr_sc_address(),
                    function_name=xdr.SCSymbol(self.function.encode("ascii")),
                    args=list(self.arguments),
                ),
            )
        )


def upload(wasm: bytes) -> InvokeHostFunction:
    """Put a contract's code on the network; the answer is its hash."""
    return InvokeHostFunction(
        xdr.HostFunction(
            xdr.HostFunctionType.HOST_FUNCTION_TYPE_UPLOAD_CONTRACT_WASM, wasm=wasm
        ),
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
    preimage = xdr.ContractIDPreimage(
        xdr.ContractIDPreimageType.CONTRACT_ID_PREIMAGE_FROM_ADDRESS,
        from_address=xdr.ContractIDPreimageFromAddress(
            address=Address(deployer).to_xdr_sc_address(),
            salt=xdr.Uint256(salt or secrets.token_bytes(SALT_BYTES)),
        ),
    )
    executable = xdr.ContractExecutable(
        xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, xdr.Hash(wasm_hash)
    )
    return InvokeHostFunction(
        xdr.HostFunction(
            xdr.HostFunctionType.HOST_FUNCTION_TYPE_CREATE_CONTRACT_V2,
            create_contract_v2=xdr.CreateContractArgsV2(preimage, executable, list(arguments)),
        )
    )


def persistent_key(contract: str, *parts: xdr.SCVal) -> xdr.LedgerKey:
    """The key of a contract's persistent entry, from the parts of its enum key."""
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            contract=Address(contract).to_xdr_sc_address(),
            key=scval.to_vec(list(parts)),
            durability=xdr.ContractDataDurability.PERSISTENT,
        ),
    )


def address_of(value: xdr.SCVal) -> str:
    """A returned address, 'C...' or 'G...'."""
    return scval.from_address(value).address
