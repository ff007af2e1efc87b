"""The local ledger as a process: started on a free port, driven by the village's clock, ended.

It is the product of ``contracts/localnet``; nothing here knows what runs on it.
"""

from __future__ import annotations

import asyncio
import os
import urllib.parse
import urllib.request
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import Permanent, Transient

PASSPHRASE = "Standalone Network ; February 2017"  # noqa: S105 - public by design
_BUILT = Path(__file__).parents[2] / "contracts" / "target" / "localnet" / "localnet"
_START_S = 20.0
_STOP_S = 5.0


def find_localnet() -> Path:
    """The program: ``LOCALNET`` in the environment, else what ``make setup`` built.

    Raises:
        Permanent: it was not built.
    """
    path = Path(os.environ.get("LOCALNET", _BUILT))
    if not path.is_file():
        raise Permanent(f"{path} isn't there: run `make setup`, which builds the local ledger")
    return path


class Localnet:
    """One local ledger; everything on it is gone when it ends.

    Args:
        clock: the village's, which the ledger's close times follow.
        close_ms: wall milliseconds between two ledgers; 0: one for each transaction.
    """

    def __init__(self, clock: Clock, close_ms: int) -> None:
        self._clock = clock
        self._close_ms = close_ms
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it and wait for its address.

        Raises:
            Permanent: it is not built or does not start.
        """
        arguments = ["--listen", "127.0.0.1:0", "--close-ms", str(self._close_ms)]
        if self._clock.wall_s:
            arguments += ["--clock-origin", str(int(self._clock.origin_s))]
            arguments += ["--clock-wall", repr(self._clock.wall_s)]
            arguments += ["--clock-factor", repr(self._clock.factor)]
        self._process = await asyncio.create_subprocess_exec(
            find_localnet(),
            *arguments,
            "--passphrase",
            PASSPHRASE,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._process.stdout is None:  # asked for above
            raise AssertionError
        async with asyncio.timeout(_START_S):
            line = (await self._process.stdout.readline()).decode()
        if "http://" not in line:
            await self.stop()
            raise Permanent(f"the local ledger did not start: {line.strip() or 'it said nothing'}")
        self.url = line[line.index("http://") :].strip()

    async def stop(self) -> None:
        """End it, by its id."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def fund(self, address: str) -> None:
        """Let friendbot create an account.

        Args:
            address: 'G...'.

        Raises:
            Transient: the ledger does not answer.
        """
        query = urllib.parse.urlencode({"addr": address})
        await asyncio.to_thread(_get, f"{self.url}/friendbot?{query}")


def _get(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback, ours
            answer.read()
    except OSError as error:
        raise Transient(f"the local ledger does not answer: {error}") from error
