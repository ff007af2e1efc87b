"""``gateway admin certifier``, ``reporter``, ``producer``: who may sell energy, and who says so."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.errors import Permanent
from gateway.ledger.contracts import certification
from gateway.ledger.contracts.certification import Application, Certificate

AT_ONCE = 50
"""Rows that the contract answers at a time."""
MAX_REASON_BYTES = 200


def add(nouns: Nouns) -> None:
    """Declare the three nouns."""
    _add_role(nouns)
    verbs = nouns.noun("producer", "producers: certify, reject, revoke, reinstate, list, fee")
    verb = verbs.verb("certify", "grant an open application, with a certifier's key", certify)
    verb.add_argument("producer", type=words.address, metavar="ADDRESS")
    for name, purpose, act in (
        ("reject", "refuse an open application; the fee is returned", reject),
        ("revoke", "stop a producer from selling at once", revoke),
        ("reinstate", "take a revocation back", reinstate),
    ):
        verb = verbs.verb(name, f"{purpose}, with a certifier's key", act)
        verb.add_argument("producer", type=words.address, metavar="ADDRESS")
        verb.add_argument("--reason", type=reason, required=True, help="public, and kept for ever")
    verbs.verb("applications", "list who waits for a decision", list_applications)
    verbs.verb("list", "list everybody who ever applied", list_producers)
    verb = verbs.verb("audit", "list what was done about a producer, by whom and why", audit)
    verb.add_argument("producer", type=words.address, metavar="ADDRESS")
    verb = verbs.verb("fee", "set what an application costs", set_fee)
    verb.add_argument("fee", type=words.price, metavar="TOKENS")
    verb = verbs.verb("limits", "set the smallest and the greatest plant", set_limits)
    verb.add_argument("min_w", type=words.watts, metavar="MIN_W")
    verb.add_argument("max_w", type=words.count, metavar="MAX_W")


def _add_role(nouns: Nouns) -> None:
    for name, purpose, acts in (
        ("certifier", "who decides about producers", _CERTIFIER),
        ("reporter", "which gateways' keys report exported energy", _REPORTER),
    ):
        verbs = nouns.noun(name, f"{purpose}: add, remove, list")
        for verb_name, act in zip(("add", "remove"), acts[:2], strict=True):
            verb = verbs.verb(verb_name, f"{verb_name} a {name}", act)
            verb.add_argument("who", type=words.account, metavar="ADDRESS")
        verbs.verb("list", f"list the {name}s", acts[2])


def reason(text: str) -> str:
    """Why something is decided; it goes on the chain."""
    size = len(text.encode())
    if not text.strip() or size > MAX_REASON_BYTES:
        raise argparse.ArgumentTypeError(
            f"a reason is 1 to {MAX_REASON_BYTES} bytes long, this is {size}"
        )
    return text


async def add_certifier(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let somebody decide."""
    contract = desk.places.find("certification")
    await desk.do(certification.add_certifier(contract, arguments.who))


async def remove_certifier(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that right away."""
    contract = desk.places.find("certification")
    await desk.do(certification.remove_certifier(contract, arguments.who))


async def list_certifiers(desk: Desk, _: argparse.Namespace) -> None:
    """List who may decide."""
    contract = desk.places.find("certification")
    _list_addresses(await desk.ask(certification.get_certifiers(contract)), "certifier")


async def add_reporter(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let a gateway report."""
    contract = desk.places.find("certification")
    await desk.do(certification.add_reporter(contract, arguments.who))


async def remove_reporter(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that right away."""
    contract = desk.places.find("certification")
    await desk.do(certification.remove_reporter(contract, arguments.who))


async def list_reporters(desk: Desk, _: argparse.Namespace) -> None:
    """List which gateways may report."""
    contract = desk.places.find("certification")
    _list_addresses(await desk.ask(certification.get_reporters(contract)), "reporter")


_CERTIFIER = (add_certifier, remove_certifier, list_certifiers)
_REPORTER = (add_reporter, remove_reporter, list_reporters)


def _list_addresses(addresses: tuple[str, ...], role: str) -> None:
    for one in addresses:
        print(one)
    if not addresses:
        print(f"there is no {role} yet")


async def certify(desk: Desk, arguments: argparse.Namespace) -> None:
    """Grant an application."""
    contract = desk.places.find("certification")
    await desk.do(certification.certify_producer(contract, desk.me, arguments.producer))


async def reject(desk: Desk, arguments: argparse.Namespace) -> None:
    """Refuse an application."""
    contract = desk.places.find("certification")
    await desk.do(
        certification.reject_application(contract, desk.me, arguments.producer, arguments.reason)
    )


async def revoke(desk: Desk, arguments: argparse.Namespace) -> None:
    """Stop a producer."""
    contract = desk.places.find("certification")
    await desk.do(
        certification.revoke_certification(contract, desk.me, arguments.producer, arguments.reason)
    )


async def reinstate(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that back."""
    contract = desk.places.find("certification")
    await desk.do(
        certification.reinstate_certification(
            contract, desk.me, arguments.producer, arguments.reason
        )
    )


async def list_applications(desk: Desk, _: argparse.Namespace) -> None:
    """List who waits, the oldest first."""
    contract = desk.places.find("certification")
    found: list[Application] = []
    while len(found) % AT_ONCE == 0:
        part = await desk.ask(certification.get_applications(contract, len(found), AT_ONCE))
        found += part
        if not part:
            break
    for one in sorted(found, key=lambda application: application.applied_s):
        print(one.producer)
        print(
            f"  {one.capacity_w} W {one.source.name.lower()}, "
            f"{words.shown_amount(one.fee)} tokens paid, since {words.shown_time(one.applied_s)}"
        )
    if not found:
        print("nobody waits for a decision")


async def list_producers(desk: Desk, _: argparse.Namespace) -> None:
    """List everybody, the first first."""
    contract = desk.places.find("certification")
    found = await find_producers(desk, contract)
    for one in found:
        line = f"{one.producer}  {one.standing.name.lower()}"
        if one.source:
            line += f", {one.capacity_w} W {one.source.name.lower()}"
            exported_wh = await desk.ask(certification.exported_wh(contract, one.producer))
            line += f", {words.shown_wh(exported_wh)} exported"
        print(line)
    if not found:
        print("nobody has applied yet")


async def find_producers(desk: Desk, contract: str) -> list[Certificate]:
    """Everybody who ever applied."""
    found: list[Certificate] = []
    while len(found) % AT_ONCE == 0:
        part = await desk.ask(certification.get_producers(contract, len(found), AT_ONCE))
        found += part
        if not part:
            break
    return found


async def audit(desk: Desk, arguments: argparse.Namespace) -> None:
    """List every act, the oldest first."""
    contract = desk.places.find("certification")
    standing = await desk.ask(certification.get_certification(contract, arguments.producer))
    if not standing.acts:
        raise Permanent(f"{arguments.producer} has never applied")
    for offset in range(0, standing.acts, AT_ONCE):
        acts = certification.get_audit(contract, arguments.producer, offset, AT_ONCE)
        for act in await desk.ask(acts):
            why = f': "{act.reason}"' if act.reason else ""
            print(f"{words.shown_time(act.at_s)}  {act.action.name.lower()} by {act.by}{why}")


async def set_fee(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set what an application costs."""
    await desk.do(certification.set_fee(desk.places.find("certification"), arguments.fee))


async def set_limits(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set the smallest and the greatest plant."""
    contract = desk.places.find("certification")
    await desk.do(certification.set_capacity_limits(contract, arguments.min_w, arguments.max_w))
