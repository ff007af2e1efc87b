"""How ThingsBoard's IoT Gateway is configured here: its own defaults, except where said.

Sources: its package's ``config/`` (3.8.5), https://thingsboard.io/docs/iot-gateway/configuration/,
https://thingsboard.io/docs/iot-gateway/config/modbus/ and .../config/mqtt/.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from benchmarks.peers.process import ROOT
from gateway.simulation.broker import GATEWAY_USER, BrokerAddress
from gateway.wire.topics import Channel, topic_filter

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SESSION = "thingsboard-gateway"
DATABASE = Path("data") / "data.db"
_POLL_PER_UNIT_MS = 30
"""A little more than the line can carry, so that its queue is never empty: it naps 0.1 s then."""

_Json = dict[str, object]


def _tag(name: str, address: int | str, kind: str, registers: int, divider: int = 1) -> _Json:
    tag: _Json = {
        "tag": name,
        "type": kind,
        "functionCode": 4,
        "objectsCount": registers,
        "address": address,
    }
    return tag | ({"divider": divider} if divider > 1 else {})


class Layout(Enum):
    """How a PZEM-004T v3 is read; the value is the connector's ``timeseries``.

    The connector sends one request per entry. It knows ranges ("0-9"), but gives all values of
    one the same type and no divider of their own. Two ranges must not have one name.
    """

    WORDS = (_tag("r${address}", "0-9", "16uint", 1),)
    """One request, the fastest it can be told: ten bare registers. Somebody else has to put the
    halves of current, power and energy together."""
    RANGES = (
        _tag("voltage", 0, "16uint", 1, 10),
        _tag("long${address}", "1-6", "32uint", 2),
        _tag("short${address}", "7-8", "16uint", 1),
    )
    """Three requests: the fewest that give whole numbers."""
    TAGS = (
        _tag("voltage", 0, "16uint", 1, 10),
        _tag("current", 1, "32uint", 2, 1000),
        _tag("power", 3, "32uint", 2, 10),
        _tag("energy", 5, "32uint", 2),
        _tag("frequency", 7, "16uint", 1, 10),
        _tag("power_factor", 8, "16uint", 1, 100),
    )
    """Six requests, as its documentation shows it: every value by name and in its unit."""

    @property
    def requests(self) -> int:
        """How often the line is asked for one whole reading."""
        return len(self.value)

    @property
    def values(self) -> int:
        """How many values make a reading whole."""
        return {Layout.WORDS: 10}.get(self, 6)


def write_modbus(
    folder: Path,
    platform: BrokerAddress,
    port: str,
    units: Sequence[int],
    *,
    timeout_s: float,
    layout: Layout,
) -> None:
    """Configure the Modbus connector on a serial line; retries 0, see facts on dead meters."""
    slaves = [
        {
            "type": "serial",
            "method": "rtu",
            "port": port,
            "baudrate": 9600,
            "stopbits": 1,
            "bytesize": 8,
            "parity": "N",
            "unitId": unit,
            "deviceName": f"meter-{unit:03d}",
            "deviceType": "default",
            "timeout": timeout_s,
            "retries": 0,
            "byteOrder": "BIG",
            "wordOrder": "LITTLE",
            "pollPeriod": _POLL_PER_UNIT_MS * len(units),
            "timeseries": layout.value,
        }
        for unit in units
    ]
    _write(folder, platform, "modbus", {"master": {"slaves": slaves}})


def write_mqtt(folder: Path, platform: BrokerAddress, broker: BrokerAddress, password: str) -> None:
    """Configure the MQTT connector for the mission's messages, in a session that lasts.

    Its default session ends with the connection: what comes while it is away would be lost.
    """
    numbers = ("voltage", "current", "power_w", "energy_kwh", "power_factor")
    kinds: Mapping[str, str] = {
        **dict.fromkeys(numbers, "double"),
        "rssi": "integer",
        "sequence": "integer",
    }
    timeseries = [
        {"type": kind, "key": key, "value": f"${{{key}}}", "tsField": "${timestamp}"}
        for key, kind in kinds.items()
    ]
    device = {
        "deviceNameExpressionSource": "message",
        "deviceNameExpression": "${device_id}",
        "deviceProfileExpressionSource": "constant",
        "deviceProfileExpression": "default",
    }
    configuration: _Json = {
        "broker": {
            "host": broker.host,
            "port": broker.port,
            "clientId": SESSION,
            "version": 5,
            "maxMessageNumberPerWorker": 10,
            "maxNumberOfWorkers": 100,
            "cleanSession": False,
            "cleanStart": False,
            "sessionExpiryInterval": 3600,
            "security": {"type": "basic", "username": GATEWAY_USER, "password": password},
        },
        "mapping": [
            {
                "topicFilter": topic_filter(Channel.READING),
                "subscriptionQos": 1,
                "converter": {"type": "json", "deviceInfo": device, "timeseries": timeseries},
            }
        ],
    }
    _write(folder, platform, "mqtt", configuration)


def _write(folder: Path, platform: BrokerAddress, connector: str, configuration: _Json) -> None:
    """The packaged configuration, but: our server, SQLite instead of memory, nothing remote."""
    (package,) = PYTHON.parents[1].glob("lib/python3*/site-packages/thingsboard_gateway")
    general = json.loads((package / "config" / "tb_gateway.json").read_text("utf-8"))
    general["thingsboard"] |= {
        "host": platform.host,
        "port": platform.port,
        "remoteConfiguration": False,
    }
    general["storage"] = {"type": "sqlite", "data_file_path": f"./{DATABASE.parent}/"}
    general["connectors"] = [
        {"type": connector, "name": connector, "configuration": f"{connector}.json"}
    ]
    shutil.copy(package / "config" / "logs.json", folder)
    (folder / "tb_gateway.json").write_text(json.dumps(general), "utf-8")
    (folder / f"{connector}.json").write_text(json.dumps(configuration), "utf-8")
