"""Starts ThingsBoard's IoT Gateway without a network: run by ``.venv-peers``, never imported.

``python -P thingsboard_start.py SECONDS``, with ``TB_GW_CONFIG_DIR`` set. Its own code is untouched
but for two things that need the internet: it looks for updates, and it installs packages that a
connector lacks. Both fail here at once. After SECONDS it ends by itself, whoever started it.
"""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys

from thingsboard_gateway.tb_gateway import main  # type: ignore[import-not-found]
from thingsboard_gateway.tb_utility.tb_utility import TBUtility  # type: ignore[import-not-found]


def _install_nothing(package: str, *_: object, **__: object) -> None:
    raise ImportError(f"{package} is missing: add it to benchmarks/peers/requirements.txt")


_connect = socket.socket.connect


def _connect_to_loopback(self: socket.socket, address: tuple[str, int]) -> None:
    if self.family in {socket.AF_INET, socket.AF_INET6}:
        try:
            allowed = ipaddress.ip_address(address[0]).is_loopback
        except ValueError:
            allowed = False
        if not allowed:
            raise ConnectionRefusedError(f"{address[0]} is not on this machine")
    _connect(self, address)


_look_up = socket.getaddrinfo


def _look_up_numbers(host: str | None, *arguments: object, **options: object) -> object:
    try:
        ipaddress.ip_address(host or "127.0.0.1")
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not on this machine") from error
    return _look_up(host, *arguments, **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    signal.alarm(int(sys.argv.pop(1)))  # nobody catches SIGALRM: it ends the process
    TBUtility.install_package = staticmethod(_install_nothing)
    socket.socket.connect = _connect_to_loopback  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = _look_up_numbers  # type: ignore[assignment]
    main()
