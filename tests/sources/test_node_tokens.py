"""Tokens typed at a node, through a real broker: counted once, answered in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.wire.tokens import encode_token
from gateway.wire.topics import Channel, topic
from tests.sources.stage import DEADLINE_S, FLUSH_S
from tests.sources.world import NODE, OTHER, TOKEN_KEY, World, set_up_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with set_up_world(tmp_path, FLUSH_S) as world:
        yield world


async def typed(world: World, *messages: object, name: str = NODE) -> list[dict[str, object]]:
    """What the node is answered to each message, in order."""
    answers = []
    async with world.node(name) as node, asyncio.timeout(DEADLINE_S):
        await node.subscribe(topic(name, Channel.TOKEN_ANSWER), qos=1)
        for message in messages:
            payload = json.dumps(message).encode()
            await node.publish(topic(name, Channel.TOKEN), payload, qos=1)
            answers.append(json.loads((await anext(node.messages)).payload))
    return answers


async def test_a_token_typed_at_a_node_counts_for_its_own_meter_once(world: World) -> None:
    digits = encode_token(TOKEN_KEY, 30, 0)[1]
    async with world.listening():
        answers = await typed(world, {"token": digits, "id": "7"}, {"token": digits})
        other = await typed(world, {"token": digits}, name=OTHER)
    assert answers == [
        {
            "accepted": True,
            "units": 30,
            "sentence": "30 units count now. Receipt 1-000001.",
            "id": "7",
        },
        {
            "accepted": False,
            "units": 0,
            "sentence": "This token was used already: it counted when it was entered first.",
        },
    ]
    assert other[0]["accepted"] is False
    rows = await world.stage.database.fetch_all("SELECT author, amount_stroops FROM local_credit")
    assert [(row[0], row[1]) for row in rows] == [(f"node:{NODE}", 30_000)]


async def test_noise_for_a_token_is_refused_in_words_and_counts_nothing(world: World) -> None:
    digits = encode_token(TOKEN_KEY, 30, 0)[1]
    async with world.listening(), world.node() as node, asyncio.timeout(DEADLINE_S):
        await node.subscribe(topic(NODE, Channel.TOKEN_ANSWER), qos=1)
        for payload in (b"\xff", b"{}", b'{"token": 5}', b'{"token": "1", "id": "\\u0007"}'):
            await node.publish(topic(NODE, Channel.TOKEN), payload, qos=1)
        await node.publish(
            topic(NODE, Channel.TOKEN), json.dumps({"token": digits}).encode(), qos=1
        )
        answer = json.loads((await anext(node.messages)).payload)
    assert answer["accepted"] is True, "the only message that was one"
    assert await world.stage.events("refused-reading")
