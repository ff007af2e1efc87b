"""A new gateway in an old one's place, also without any backup: one guided act of an operator.

Adopts what the chain has counted, asks what each meter's register shows, says what that means, and
takes the site over under a new id. What was used meanwhile is billed as a flagged estimate, where
it is plain, and not at all where it isn't.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import app
from gateway.app.settings import ledger_settings, time_bands
from gateway.commands.asking import asked, confirm
from gateway.commands.configured import add_config
from gateway.commands.showing import show
from gateway.config import Config, load
from gateway.domain.batches import Head, Receipt
from gateway.domain.replacing import Beginning, ChainMeter, begin, has_to_be_told
from gateway.errors import ConfigError, Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.site import read_site
from gateway.ledger.takeover import take_over
from gateway.store.chain import find_head, save_answer
from gateway.store.database import Database
from gateway.store.replacement import adopt_registers, find_chain_meters

MOST_WH = 10**12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``, ``--registers`` and ``--yes``."""
    add_config(parser)
    parser.add_argument(
        "--registers",
        type=Path,
        metavar="CSV",
        help="what each register shows now, one line LABEL,WH per meter; default: ask",
    )
    parser.add_argument("--yes", action="store_true", help="don't ask for the last yes")


def run(arguments: argparse.Namespace) -> int:
    """Ask, say what it means, and take the site over.

    Raises:
        GatewayError: nothing was changed, or it is finished by `gateway run`; the sentence says.
    """
    config = load(arguments.config)
    given = _read(arguments.registers) if arguments.registers else None
    with app.alone(Path(config.gateway.database), app.PARTS):
        receipt = asyncio.run(_replace(config, given, is_sure=arguments.yes))
    show(
        f"this gateway now settles for the site; it goes on after batch {receipt.sequence} "
        f"({receipt.total_wh} Wh settled so far). Start it: `gateway run`"
    )
    return 0


async def _replace(config: Config, given: Mapping[str, int] | None, *, is_sure: bool) -> Receipt:
    settings = ledger_settings(config)
    key = SigningKey.load(Path(config.chain.key_file))
    client = LedgerClient(
        settings.rpc_urls, settings.passphrase, max_lag_ledgers=settings.max_lag_ledgers
    )
    try:
        async with app.opened(config) as (database, clock, _):
            answer = await read_site(client, settings, database)
            receipt = answer.state.receipt
            if receipt is None:
                raise Permanent("the site has settled nothing yet: start with `gateway run`")
            head = await find_head(database, settings.site)
            is_writer = receipt.writer.hex() == await database.writer_id()
            if is_writer and head == Head.of(receipt):
                raise Permanent("this gateway settles for the site already: nothing to replace")
            await save_answer(database, settings.site, answer.state)
            now_s = math.floor(clock.now_s())
            beginnings = await _beginnings(database, settings.site, given, now_s)
            show(_story(receipt, beginnings))
            if not is_sure:
                confirm("Switch the other gateway off for good, then: take over?")
            await adopt_registers(database, beginnings, time_bands(config).tier_at, now_s)
            return await take_over(settings, database, clock, client, key)
    finally:
        await client.close()


async def _beginnings(
    database: Database, site: int, given: Mapping[str, int] | None, now_s: int
) -> list[Beginning]:
    """How each meter begins; none where the database has settled, or counted them, itself."""
    if await find_head(database, site) is not None:
        return []
    meters = await find_chain_meters(database, site)
    if given is None:
        return [begin(meter, _ask(meter), now_s) for meter in meters]
    labels = {meter.label for meter in meters}
    strangers = [label for label in given if label not in labels]
    if strangers:
        raise ConfigError(
            [
                f"{label}: no meter point of this site that has to be told; check the label"
                for label in strangers
            ]
        )
    silent = [one.label for one in meters if has_to_be_told(one) and one.label not in given]
    if silent:
        raise ConfigError([f"{label}: say what its register shows now" for label in silent])
    return [begin(meter, given.get(meter.label, meter.shown_wh), now_s) for meter in meters]


def _ask(meter: ChainMeter) -> int | None:
    """What a person says that a register shows; what was read stands."""
    if meter.shown_wh is not None:
        return meter.shown_wh
    question = f"{meter.label}: {meter.chain_wh} Wh are on the chain. Its register now, in Wh"
    if not has_to_be_told(meter):
        question += " (nothing: its first reading begins the count)"
    while answer := asked(f"{question}: "):
        register_wh = _number(answer)
        if register_wh is not None:
            return register_wh
        print("write whole Wh, which are kWh x 1000: 1234567")
    if has_to_be_told(meter):
        raise Permanent(
            f"nothing was changed: go and read {meter.label}; its register can't be guessed"
        )
    return None


def _number(text: str) -> int | None:
    text = text.strip()
    if not text.isascii() or not text.isdigit():
        return None
    number = int(text[:20])
    return number if number <= MOST_WH else None


def _read(path: Path) -> dict[str, int]:
    """Registers from a file.

    Raises:
        ConfigError: naming every line that is wrong.
    """
    try:
        lines = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or "it is no CSV file"
        raise Permanent(f"{path} can't be read: {why}") from None
    found: dict[str, int] = {}
    problems = []
    for number, line in enumerate(lines, start=1):
        if not line or (number == 1 and _is_heading(line)):
            continue
        register_wh = _number(line[1]) if len(line) == 2 else None  # noqa: PLR2004 - LABEL,WH
        if register_wh is None:
            problems.append(f"{path} line {number}: write LABEL,WH with whole Wh: house-01,1234567")
        elif line[0].strip() in found:
            problems.append(f"{path} line {number}: {line[0].strip()} was named before")
        else:
            found[line[0].strip()] = register_wh
    if problems:
        raise ConfigError(problems)
    return found


def _is_heading(line: Sequence[str]) -> bool:
    return len(line) > 1 and not any(letter.isdigit() for letter in line[1])


def _story(receipt: Receipt, beginnings: Sequence[Beginning]) -> str:
    """What is about to be done, in sentences."""
    lines = [f"the site is at batch {receipt.sequence}, with {receipt.total_wh} Wh settled"]
    lines += [one.sentence() for one in beginnings]
    if not beginnings:
        lines.append("this database has counted every meter itself; its registers go on")
    return "\n".join(lines)
