"""Settlement processes to be killed: ``python -m tests.ledger.process``.

Loads the program once and forks a process for each line of JSON on stdin, which settles what is
due at the instant the line names and ends when nothing is open any more. Prints the process's id
when it starts and its exit status when it has ended. Holds no fault of its own: those are on the
wire and in the kernel.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.submit import Submitter
from gateway.store.chain import find_head
from gateway.store.crediting import find_oldest
from gateway.store.database import Database
from gateway.store.outbox import find_open


async def settle(told: dict[str, Any]) -> None:
    """Settle until everything up to the named instant is confirmed; without one, every payment."""
    settings = LedgerSettings(**told["settings"])
    database = await Database.open(Path(told["database"]))
    client = LedgerClient(settings.rpc_urls, settings.passphrase)
    key = SigningKey.load(Path(told["key_file"]))
    submitter = Submitter(settings, database, Clock(), client, key)
    now = datetime.fromtimestamp(told["now_s"], UTC)
    while True:
        await submitter.tick(now)
        if await find_open(database) is not None:
            continue
        if "until_s" not in told:
            if await find_oldest(database, settings.site) is None:
                break
            continue
        head = await find_head(database, settings.site)
        if head and head.to_s >= told["until_s"]:
            break
    await client.close()
    await database.close()


def main() -> None:
    """Fork a settlement process for each line."""
    for line in sys.stdin:
        process_id = os.fork()
        if process_id == 0:
            asyncio.run(settle(json.loads(line)))
            os._exit(0)
        print(process_id, flush=True)  # noqa: T201 - read by the test
        print(os.waitpid(process_id, 0)[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
