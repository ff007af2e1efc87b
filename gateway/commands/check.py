"""Name everything that is missing or wrong before anything starts."""

from __future__ import annotations

import argparse
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config import DEFAULT_PATH, Config, load
from gateway.errors import ConfigError
from gateway.wire.errors import WireError
from gateway.wire.registers import find_map

REACH_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``."""
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="the TOML file")


def run(arguments: argparse.Namespace) -> int:
    """Print each problem, and each part of the world that is away; 1 when a setting is wrong."""
    try:
        config = load(arguments.config)
    except ConfigError as error:
        return _report(error.problems, [])
    return _report(problems(config), away(config))


def _report(wrong: list[str], absent: list[str]) -> int:
    for sentence in wrong:
        print(f"wrong: {sentence}")
    for sentence in absent:
        print(f"away:  {sentence}")
    if wrong:
        print(f"{len(wrong)} to put right")
        return 1
    print("the configuration is right")
    return 0


def problems(config: Config) -> list[str]:
    """What on this machine does not fit the settings; one sentence each."""
    found = []
    folder = Path(config.gateway.database).parent
    if not folder.is_dir():
        found.append(f"gateway.database: the folder {folder} isn't there: create it")
    elif not os.access(folder, os.W_OK):
        found.append(f"gateway.database: {folder} can't be written: change its owner")
    found += [
        f"bus {bus.name}: serial port {bus.port} isn't there: "
        "plug in the adapter or correct bus.port"
        for bus in config.bus
        if not Path(bus.port).exists()
    ]
    for point in config.meter_point:
        if point.node is None:
            try:
                find_map(point.model)
            except WireError as error:
                found.append(f"meter_point {point.label}: {error}")
    found += _secret("chain.key_file", config.chain.key_file)
    if config.mqtt is not None:
        found += _secret("mqtt.password_file", config.mqtt.password_file)
        found += _secret("mqtt.node_keys_file", config.mqtt.node_keys_file)
    return found


def _secret(setting: str, name: str) -> list[str]:
    """A file of secrets must be there, readable by its owner and by nobody else."""
    path = Path(name)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return [f"{setting}: {path} isn't there: create it with mode 0600"]
    except OSError as error:
        return [f"{setting}: {path} can't be looked at: {error.strerror}"]
    if mode & 0o077:
        return [f"{setting}: {path} has mode {mode:04o}: others can read it; chmod 600 {path}"]
    if not os.access(path, os.R_OK):
        return [f"{setting}: {path} can't be read by this user: change its owner"]
    return []


def away(config: Config) -> list[str]:
    """What can't be reached now; the gateway starts without it and waits."""
    found = []
    if config.mqtt and not _reachable(config.mqtt.host, config.mqtt.port):
        found.append(
            f"the broker at {config.mqtt.host}:{config.mqtt.port} doesn't answer: "
            "is Mosquitto running? Nodes keep their readings meanwhile"
        )
    for url in config.chain.rpc:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if not _reachable(parts.hostname or "", port):
            found.append(f"the chain at {url} can't be reached: usage is settled when it can")
    return found


def _reachable(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=REACH_S):
            return True
    except OSError:
        return False
