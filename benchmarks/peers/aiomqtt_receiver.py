"""The receiver of ``aiomqtt_default``: subscribe, loop, insert, commit. A program, never imported.

``python -m benchmarks.peers.aiomqtt_receiver PORT COMMIT_EVERY_S MESSAGES SECONDS`` with the
password in ``MQTT_PASSWORD`` keeps ``readings.db`` in its folder. After MESSAGES it commits, closes
the database, prints the time on the monotonic clock, s, and waits; after SECONDS it ends.
Source of the loop: https://aiomqtt.bo3hm.com/subscribing-to-a-topic.html.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time

import aiomqtt

from gateway.simulation.broker import GATEWAY_USER, HOST
from gateway.wire.topics import Channel, topic_filter

SESSION = "aiomqtt-default"
DATABASE = "readings.db"
READY = "subscribed"
DONE = "done at"
_TABLE = """
CREATE TABLE reading (
    device_id TEXT NOT NULL, timestamp TEXT NOT NULL, voltage REAL, current REAL, power_w REAL,
    energy_kwh REAL, power_factor REAL, rssi INTEGER, sequence INTEGER, frequency REAL
) STRICT
"""
_INSERT = """
INSERT INTO reading VALUES (
    :device_id, :timestamp, :voltage, :current, :power_w,
    :energy_kwh, :power_factor, :rssi, :sequence, :frequency
)
"""


async def _receive(port: int, commit_every_s: float, messages: int) -> None:
    database = sqlite3.connect(DATABASE)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(_TABLE)
    client = aiomqtt.Client(
        HOST,
        port,
        username=GATEWAY_USER,
        password=os.environ["MQTT_PASSWORD"],
        identifier=SESSION,
        clean_session=False,
    )
    async with client, asyncio.TaskGroup() as group:
        if commit_every_s:
            group.create_task(_commit(database, commit_every_s))
        await client.subscribe(topic_filter(Channel.READING), qos=1)
        print(READY, flush=True)
        inserted = 0
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                database.execute(_INSERT, json.loads(message.payload))
            if not commit_every_s:
                database.commit()
            inserted += 1
            if inserted == messages:
                database.commit()
                ended_s = time.monotonic()
                database.close()
                print(DONE, ended_s, flush=True)
                signal.pause()  # to be measured


async def _commit(database: sqlite3.Connection, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        database.commit()


if __name__ == "__main__":
    port, commit_every_s, messages, seconds = sys.argv[1:]
    signal.alarm(int(seconds))  # nobody catches SIGALRM: it ends the process
    asyncio.run(_receive(int(port), float(commit_every_s), int(messages)))
