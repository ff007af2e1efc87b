"""``gateway admin deploy``: put the provider's contracts on a network, once.

A contract's address is derived from the key, the code and the constructor's arguments, so a
deployment that was cut short is picked up again and never paid for twice.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from stellar_sdk.operation import InvokeHostFunction

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.commands.admin.places import CONTRACTS
from gateway.errors import Permanent
from gateway.ledger.contracts import (
    certification,
    electric,
    market,
    meter,
    oracle,
    scheduler,
)
from gateway.ledger.contracts.calls import address_from, code_key, instance_key, upload

WASM = Path(__file__).parents[3] / "contracts" / "wasm"
_NEEDS: dict[str, tuple[str, ...]] = {
    "token": (),
    "meter": ("token",),
    "certification": ("token",),
    "market": ("token", "certification", "meter"),
    "oracle": ("meter",),
    "scheduler": ("token", "oracle"),
}
"""Which contracts each constructor takes the addresses of, in its order."""
_FILES = {name: name for name in CONTRACTS} | {"token": "electric"}


def add(nouns: Nouns) -> None:
    """Declare the verb."""
    verb = nouns.verb("deploy", "put contracts on the network, and write down where", deploy)
    verb.add_argument(
        "contract",
        nargs="*",
        metavar="CONTRACT",
        help=f"which ones, of {', '.join(CONTRACTS)}; none named: all",
    )
    verb.add_argument(
        "--token",
        type=words.address,
        metavar="ADDRESS",
        help="the token that is paid in; else ELECTRIC is deployed too",
    )
    verb.add_argument(
        "--provider",
        type=words.address,
        metavar="ADDRESS",
        help="who receives streaming payments; else you",
    )
    verb.add_argument(
        "--wasm", type=Path, default=WASM, metavar="FOLDER", help="where the contracts' code is"
    )


async def deploy(desk: Desk, arguments: argparse.Namespace) -> None:
    """Deploy what is named and not there yet, each after what it needs."""
    unknown = set(arguments.contract) - set(CONTRACTS)
    if unknown:
        raise Permanent(f"{', '.join(unknown)}: no contract of ours; known: {', '.join(CONTRACTS)}")
    if arguments.token is not None:
        await _adopt_token(desk, arguments.token)
    wanted = [name for name in CONTRACTS if not arguments.contract or name in arguments.contract]
    missing = [name for name in wanted if name not in desk.places.known]
    for name in wanted:
        if name not in missing:
            print(f"{name}: is at {desk.places.known[name]} already")
    codes = {name: _code(arguments.wasm, name) for name in missing}
    for name, code in codes.items():
        if await _upload(desk, name, code):
            await _create(desk, name, hashlib.sha256(code).digest(), arguments.provider)
    if desk.dry_run:
        print("a contract whose code isn't there yet costs about half as much again to create,")
        print("which can only be asked about when its code is there")
    else:
        desk.places.save()
        print(f"the addresses are in {desk.places.path}")


async def _adopt_token(desk: Desk, token: str) -> None:
    """A token with other digits would make every price wrong by powers of ten."""
    decimals = await desk.ask(electric.decimals(token))
    if decimals != electric.DECIMALS:
        raise Permanent(
            f"{token} has {decimals} digits after the point, and the contracts count on "
            f"{electric.DECIMALS}"
        )
    known = desk.places.contracts.setdefault("token", token)
    if known != token:
        raise Permanent(f"{desk.places.path} names another token already: {known}")


async def _upload(desk: Desk, name: str, code: bytes) -> bool:
    """Put code there unless it is; False in a dry run of it."""
    key = code_key(hashlib.sha256(code).digest())
    if (await desk.client.read([key])).found:
        print(f"{name}: its code is on the network already")
        return True
    prepared = await desk.prepare(upload(code), costly=True)
    arguments = {"code": hashlib.sha256(code).hexdigest(), "size": f"{len(code)} bytes"}
    return await desk.settle(f"{name}: upload", arguments, prepared) is not None


async def _create(desk: Desk, name: str, wasm_hash: bytes, provider: str | None) -> None:
    """Create it, or find it where an earlier attempt created it."""
    salt = hashlib.sha256(name.encode())
    salt.update(wasm_hash)
    arguments = _arguments(desk, name, provider or desk.me)
    for one in arguments.values():
        salt.update(one.encode())
    operation = _constructor(name, wasm_hash, desk.me, arguments, salt.digest())
    network_id = hashlib.sha256(desk.network.passphrase.encode()).digest()
    address = address_from(network_id, desk.me, salt.digest())
    if (await desk.client.read([instance_key(address)])).found:
        print(f"{name}: was created at {address} already")
    else:
        prepared = await desk.prepare(operation, costly=True)
        shown = {"address": address} | arguments
        if await desk.settle(f"{name}: create", shown, prepared) is None:
            return
    desk.places.contracts[name] = address
    if not desk.dry_run:
        desk.places.save()


def _arguments(desk: Desk, name: str, provider: str) -> dict[str, str]:
    """The addresses that the constructor takes, in its order, by what they are."""
    needed = _NEEDS[name]
    found = {"admin": desk.me} | {one: desk.places.find(one) for one in needed}
    return found | ({"provider": provider} if name == "scheduler" else {})


def _constructor(
    name: str, wasm_hash: bytes, deployer: str, given: dict[str, str], salt: bytes
) -> InvokeHostFunction:
    admin = given["admin"]
    match name:
        case "token":
            return electric.constructor(wasm_hash, deployer, admin, salt)
        case "meter":
            return meter.constructor(wasm_hash, deployer, admin, given["token"], salt)
        case "certification":
            return certification.constructor(wasm_hash, deployer, admin, given["token"], salt)
        case "market":
            return market.constructor(
                wasm_hash,
                deployer,
                admin,
                token=given["token"],
                certification=given["certification"],
                meter=given["meter"],
                salt=salt,
            )
        case "oracle":
            return oracle.constructor(wasm_hash, deployer, admin, given["meter"], salt)
        case _:
            return scheduler.constructor(
                wasm_hash,
                deployer,
                admin,
                token=given["token"],
                oracle=given["oracle"],
                provider=given["provider"],
                salt=salt,
            )


def _code(folder: Path, name: str) -> bytes:
    path = folder / f"{_FILES[name]}.wasm"
    try:
        return path.read_bytes()
    except OSError as error:
        raise Permanent(
            f"{path} can't be read ({error.strerror}): work in a checkout of the repository, "
            "or name the folder with --wasm"
        ) from None
