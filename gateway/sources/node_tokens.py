"""Tokens typed at nodes: counted like any other, and answered in words.

A message is acknowledged to the broker after the token is counted; one that comes again was used.
An answer that can't be sent is lost: the page shows the balance.
"""

from __future__ import annotations

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.broker import Broker
from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.sources.journal import Journal
from gateway.sources.known_node import KnownNode
from gateway.store.database import Database
from gateway.store.tokens import Accepted, Entry, Refused, TokenSettings, enter_token
from gateway.wire.errors import WireError
from gateway.wire.node_tokens import TokenAnswer, TokenEntry, decode_entry, encode_answer
from gateway.wire.topics import Channel, topic

log = logging.getLogger(__name__)


class NodeTokens:
    """Takes the tokens of nodes.

    Args:
        settings: how tokens are taken.
        zone: of the village, for its days.
        broker: answers go through it.
        database: where they are counted.
        clock: dates them.
    """

    def __init__(
        self,
        settings: TokenSettings,
        zone: ZoneInfo,
        broker: Broker,
        database: Database,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._zone = zone
        self._broker = broker
        self._database = database
        self._clock = clock

    async def take(self, node: KnownNode, payload: bytes, journal: Journal) -> None:
        """Count a token for the node's own meter point, and answer.

        Raises:
            Transient: the disk did not take it: the broker brings it again.
        """
        try:
            entry = decode_entry(payload)
        except WireError as error:
            await journal.refuse(node.sender, str(error))
            return
        try:
            found = await self._enter(node, entry)
        except Permanent as error:
            await self._answer(node, TokenAnswer(0, f"{error}.", entry.entry_id))
            return
        if isinstance(found, Refused):
            answer = TokenAnswer(0, found.sentence, entry.entry_id)
        else:
            sentence = f"{found.units} units count now. Receipt {found.credit.number}."
            answer = TokenAnswer(found.units, sentence, entry.entry_id)
        await self._answer(node, answer)

    async def _enter(self, node: KnownNode, entry: TokenEntry) -> Accepted | Refused:
        now_s = int(self._clock.now_s())
        day = f"{datetime.fromtimestamp(now_s, self._zone):%Y-%m-%d}"
        client = f"node:{node.name}"
        told = Entry(node.point.label, entry.token, client, day, now_s, is_stranger=False)
        return await enter_token(self._database, self._settings, told)

    async def _answer(self, node: KnownNode, answer: TokenAnswer) -> None:
        try:
            await self._broker.publish(
                topic(node.name, Channel.TOKEN_ANSWER), encode_answer(answer)
            )
        except Transient as error:
            log.info("answer to a token lost node=%s: %s", node.name, error)
