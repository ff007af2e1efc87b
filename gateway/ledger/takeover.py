"""Take over a site: this database becomes its writer and adopts what the chain has counted.

One act of an operator, after a restore or a replacement. It goes through the outbox like a
batch, so it may be cut short anywhere and is finished by whoever looks next.
"""

from __future__ import annotations

import asyncio
import math
import secrets

from gateway.clock import Clock
from gateway.domain.batches import Receipt
from gateway.errors import Permanent, Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import read_site
from gateway.ledger.submit import Submitter
from gateway.store.chain import find_head, save_answer
from gateway.store.database import Database
from gateway.store.outbox import find_outgoing
from gateway.store.settlement import begin_take_over, find_uncounted
from gateway.store.status import find_status, mark_status

WRITER_BYTES = 16
_TAKING_OVER = "taking over the site"
_GOES_ON = "the take-over is begun, and `gateway run` finishes it by itself when it can"


async def take_over(
    settings: LedgerSettings,
    database: Database,
    clock: Clock,
    client: LedgerClient,
    key: SigningKey,
) -> Receipt:
    """Take over the site and wait until the chain says so.

    Args:
        settings: which contract, which site.
        database: becomes the site's writer, under a new id.
        clock: village time.
        client: the network.
        key: an allow-listed signer.

    Returns:
        The receipt that was adopted.

    Raises:
        Permanent: there is nothing to take over, or a person has to do something else first.
        Transient: the chain cannot be reached; what was begun goes on by itself later.
    """
    await _check(settings, database, client)
    now_s = math.floor(clock.now_s())
    outbox_id = await begin_take_over(database, secrets.token_hex(WRITER_BYTES), now_s)
    await mark_status(database, "settlement", "offline", _TAKING_OVER, now_s)
    submitter = Submitter(settings, database, clock, client, key)
    while True:
        try:
            await submitter.tick(clock.now())
        except Transient as error:
            raise Transient(f"{error}; {_GOES_ON}") from error
        outgoing = await find_outgoing(database, outbox_id)
        if outgoing.state in ("confirmed", "refused"):
            break
        await _raise_obstacle(database)
        await asyncio.sleep(settings.poll_s)
    if outgoing.state == "refused":
        raise Permanent(outgoing.message or "the take-over was refused")
    answer = await read_site(client, settings, database)
    if answer.state.receipt is None:
        raise Transient("the RPC server lags: the take-over is done, look again in a minute")
    return answer.state.receipt


async def _check(settings: LedgerSettings, database: Database, client: LedgerClient) -> None:
    """Refuse what could only do harm, before anything is written."""
    answer = await read_site(client, settings, database)
    if answer.state.receipt is None:
        raise Permanent("the site has settled nothing yet: there is nothing to take over")
    await save_answer(database, settings.site, answer.state)
    if await find_head(database, settings.site) is None:
        uncounted = await find_uncounted(database, settings.site)
        if uncounted:
            raise Permanent(
                f"this database has never settled, and {len(uncounted)} meters (the first is "
                f"{uncounted[0]}) have usage on the chain that it cannot know: restore a backup, "
                "or run `gateway replace-gateway`, which asks what each register shows now"
            )


async def _raise_obstacle(database: Database) -> None:
    """An operator who waits in front of the screen is told at once what is in the way."""
    for status in await find_status(database):
        match status.name, status.state:
            case "settlement", "alarm":
                raise Permanent(f"{status.message}; {_GOES_ON}")
            case "settlement", "offline" if status.message != _TAKING_OVER:
                raise Transient(f"{status.message}; {_GOES_ON}")
