"""A real Mosquitto in a folder of its own, as locked as a village's: passwords and an ACL.

Listens on 127.0.0.1 only. Ends only the process it started, by its id.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from gateway.errors import Permanent, Transient
from gateway.wire.topics import check_name

HOST = "127.0.0.1"
GATEWAY_USER = "gateway"
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # where Debian puts mosquitto, outside a user's PATH
_START_S = 15.0
_STOP_S = 10.0
_RETRY_S = 0.05
_LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where clients find a broker.

    Args:
        port: its TCP port.
        host: its name or address.
    """

    port: int
    host: str = HOST


class Broker:
    """One Mosquitto with its files in ``folder``; can be started again after it was stopped.

    Args:
        folder: for its configuration, log and saved state; made when it is missing.
        passwords: of each user; one is :data:`GATEWAY_USER`, every other is a node's name.
        port: to listen on; 0 takes a free one, and keeps it over restarts.
    """

    def __init__(self, folder: Path, passwords: Mapping[str, str], port: int = 0) -> None:
        self.folder = folder
        self.address = BrokerAddress(port or _free_port())
        self._passwords = dict(passwords)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> BrokerAddress:
        """Write the configuration, start Mosquitto, and wait until it accepts MQTT.

        Raises:
            Permanent: it is not installed, its port is taken, or it ends at once.
        """
        mosquitto = _find("mosquitto")
        _check_port_is_free(self.address)
        self.folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(self._write_files)
        self._process = await asyncio.create_subprocess_exec(
            mosquitto,
            "-c",
            str(self.folder / "mosquitto.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await self._wait_until_it_accepts(self._process)
        except BaseException:
            await self.kill()
            raise
        return self.address

    async def stop(self) -> None:
        """Ask it to save its state and end; kill it when it does not."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
        self._process = None

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._process = None

    def _write_files(self) -> None:
        for user in self._passwords:
            check_name(user, "user")
        users = self.folder / "passwords"
        users.unlink(missing_ok=True)
        users.touch(mode=0o600)
        users.write_text("".join(f"{u}:{p}\n" for u, p in self._passwords.items()))
        # Hashes the file in place, so that no password is ever an argument of a process.
        hashed = subprocess.run(  # noqa: S603 - our own file, no shell
            [_find("mosquitto_passwd"), "-U", str(users)], capture_output=True, check=False
        )
        if hashed.returncode:
            raise Permanent(f"mosquitto_passwd failed: {hashed.stderr.decode().strip()}")
        acl = self.folder / "acl"
        acl.unlink(missing_ok=True)
        acl.touch(mode=0o600)
        acl.write_text(_ACL)
        (self.folder / "mosquitto.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        lines = [
            f"listener {self.address.port} {self.address.host}",
            "allow_anonymous false",
            f"password_file {self.folder / 'passwords'}",
            f"acl_file {self.folder / 'acl'}",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 5",
            f"log_dest file {self.folder / 'mosquitto.log'}",
            "log_type error",
            "log_type warning",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes "mosquitto", which cannot read the folder
        return "\n".join(lines) + "\n"

    async def _wait_until_it_accepts(self, process: asyncio.subprocess.Process) -> None:
        deadline_s = asyncio.get_running_loop().time() + _START_S
        while asyncio.get_running_loop().time() < deadline_s:
            if process.returncode is not None:
                raise Permanent(f"mosquitto ended at once: {self._last_words()}")
            try:
                async with aiomqtt.Client(
                    self.address.host,
                    self.address.port,
                    username=GATEWAY_USER,
                    password=self._passwords[GATEWAY_USER],
                ):
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(_RETRY_S)
        raise Transient(f"mosquitto accepts no connection: {self._last_words()}")

    def _last_words(self) -> str:
        log = self.folder / "mosquitto.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return " / ".join(lines[-_LOG_LINES:]) or f"see {log}"


_ACL = f"""\
user {GATEWAY_USER}
topic read nodes/+/up/#
topic write nodes/+/down/#
topic readwrite live/#

pattern write nodes/%u/up/#
pattern read nodes/%u/down/#
"""


def _find(program: str) -> str:
    path = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}"
    found = shutil.which(program, path=path)
    if found is None:
        raise Permanent(f"{program} is not installed: apt install mosquitto")
    return found


def _check_port_is_free(address: BrokerAddress) -> None:
    """Otherwise another broker on it would be taken for this one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise Permanent(
                f"port {address.port} of {address.host} is taken: choose another"
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
