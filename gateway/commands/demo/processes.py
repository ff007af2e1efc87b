"""The gateway's three processes, as systemd would start and stop them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import Permanent

STOP_S = 15.0
_LAST_LINES = 5


class GatewayProcess:
    """One ``gateway run --only PART``.

    Args:
        part: 'field', 'settlement' or 'web'.
        configuration: the TOML file.
        folder: for its log.
        environment: added to ours.
    """

    def __init__(
        self, part: str, configuration: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.part = part
        self._configuration = configuration
        self._log = folder / f"{part}.log"
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it in a session of its own: Ctrl-C reaches it through us, in order."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway",
                "run",
                "--only",
                self.part,
                "--config",
                str(self._configuration),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise if it has died.

        Raises:
            Permanent: with its last words.
        """
        if self._process is not None and self._process.returncode is not None:
            words = self._log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:]
            raise Permanent(f"the {self.part} process ended by itself:\n" + "\n".join(words))

    async def stop(self) -> str | None:
        """Ask it to end, by its id.

        Returns:
            What is wrong with the way it ended, or None.
        """
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            process.terminate()
        try:
            status = await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            return f"the {self.part} process did not stop within {STOP_S:g} s"
        return f"the {self.part} process ended with status {status}" if status else None
