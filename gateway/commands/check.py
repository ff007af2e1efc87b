"""Name everything that is missing or wrong before anything starts."""

from __future__ import annotations

import argparse
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

from gateway.app.secret_files import bearer_secret, node_keys
from gateway.app.settings import token_settings
from gateway.commands.configured import add_config
from gateway.commands.showing import show
from gateway.config import Config, load
from gateway.errors import ConfigError, GatewayError
from gateway.wire.errors import WireError
from gateway.wire.registers import find_map

REACH_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print each problem, and each part of the world that is away; 1 when a setting is wrong."""
    try:
        config = load(arguments.config)
    except ConfigError as error:
        return _report(error.problems, [])
    return _report(problems(config), away(config))


def _report(wrong: list[str], absent: list[str]) -> int:
    for sentence in wrong:
        show(f"wrong: {sentence}")
    for sentence in absent:
        show(f"away:  {sentence}")
    if wrong:
        show(f"{len(wrong)} to put right")
        return 1
    show("the configuration is right")
    return 0


def problems(config: Config) -> list[str]:
    """What on this machine does not fit the settings; one sentence each."""
    found = []
    found += _database(Path(config.gateway.database))
    found += _ports(config)
    for point in config.meter_point:
        if point.node is None:
            try:
                find_map(point.model)
            except WireError as error:
                found.append(f"meter_point {point.label}: {error}")
    for feeder in config.feeder:
        if feeder.bus is not None:
            try:
                find_map(feeder.model)
            except WireError as error:
                found.append(f"feeder {feeder.name}: {error}")
    found += _secret("chain.key_file", config.chain.key_file)
    if config.tokens is not None and config.tokens.enabled:
        found += _token_keys(config, config.tokens.keys_file)
    if config.payments is not None:
        found += _payments(config.payments.secret_file)
    if config.mqtt is not None:
        found += _secret("mqtt.password_file", config.mqtt.password_file)
        found += _node_keys(config, config.mqtt.node_keys_file)
    return found


def _database(path: Path) -> list[str]:
    folder = path.parent
    if not folder.is_dir():
        return [f"gateway.database: the folder {folder} isn't there: create it"]
    if path.exists() and not path.is_file():
        return [f"gateway.database: {path} is no file: name one in a folder, like usage.db"]
    if not all(os.access(one, os.W_OK) for one in (folder, path) if one.exists()):
        return [f"gateway.database: {path} can't be written: change the owner of {folder}"]
    return []


def _ports(config: Config) -> list[str]:
    """Every port must be there, and be another device than the others, whatever their names."""
    found = []
    owners: dict[Path, str] = {}
    for bus in config.bus:
        port = Path(bus.port)
        if not port.exists():
            found.append(
                f"bus {bus.name}: serial port {port} isn't there: "
                "plug in the adapter or correct bus.port"
            )
        elif not port.is_char_device():
            found.append(f"bus {bus.name}: {port} is no serial port: correct bus.port")
        elif (device := port.resolve()) in owners:
            found.append(
                f"bus {bus.name}: {port} is the same adapter as that of bus {owners[device]}: "
                "put all its meters on one bus"
            )
        else:
            owners[device] = bus.name
    return found


def _node_keys(config: Config, name: str) -> list[str]:
    """The file must be sound, and hold a key for every node with a relay."""
    setting = "mqtt.node_keys_file"
    found = _secret(setting, name)
    if found:
        return found
    try:
        keys = node_keys(Path(name))
    except GatewayError as error:
        return [f"{setting}: {error}"]
    return [
        f"{setting}: node {point.node} of {point.label} has no key: "
        f"add a line '{point.node} HEX' to {name}"
        for point in config.meter_point
        if point.relay == "node" and point.node not in keys
    ]


def _token_keys(config: Config, name: str) -> list[str]:
    """The file must be sound, and hold keys of meter points that there are."""
    found = _secret("tokens.keys_file", name)
    if found:
        return found
    try:
        settings = token_settings(config)
    except GatewayError as error:
        return [f"tokens.keys_file: {error}"]
    labels = {point.label for point in config.meter_point}
    return [
        f"tokens.keys_file: {label} is no meter point of this file: correct the label in {name}"
        for label in (settings.keys if settings else {})
        if label not in labels
    ]


def _payments(name: str) -> list[str]:
    found = _secret("payments.secret_file", name)
    if found:
        return found
    try:
        bearer_secret(Path(name))
    except GatewayError as error:
        return [f"payments.secret_file: {error}"]
    return []


def _secret(setting: str, name: str) -> list[str]:
    """A file of secrets must be there, readable by its owner and by nobody else."""
    path = Path(name)
    try:
        status = path.stat()
    except FileNotFoundError:
        return [f"{setting}: {path} isn't there: create it with mode 0600"]
    except OSError as error:
        return [f"{setting}: {path} can't be looked at: {error.strerror}"]
    if not stat.S_ISREG(status.st_mode):
        return [f"{setting}: {path} is no file: name the file that holds the secret"]
    mode = stat.S_IMODE(status.st_mode)
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
    except (OSError, UnicodeError):  # a name too long for DNS
        return False
