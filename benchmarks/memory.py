"""What the field process takes of a small computer's memory, with a whole village on its lines."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.claims import Benchmark, Claim
from benchmarks.field import clock_section
from benchmarks.line import line
from benchmarks.peers import thingsboard
from benchmarks.peers.process import ROOT, PeerProcess
from tests.village import kept_in

BUSES, PER_BUS = 2, 100
SECONDS = 120
PEER_PER_S, PEER_SECONDS = 5.0, 30.0
_CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "usage.db"
[chain]
network = "local"
passphrase = "nowhere"
rpc = ["http://127.0.0.1:9"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "signing"
"""
_BUS = """
[[bus]]
name = "bus{number}"
port = "{port}"
"""
_POINT = """
[[meter_point]]
label = "house-{slot:03d}"
slot = {slot}
bus = "bus{bus}"
unit_id = {unit}
first_register_wh = 0
"""


def measure() -> Benchmark:
    """Let it read 200 meters every 10 s for two minutes, and look at the most it held."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = [stack.enter_context(line(PER_BUS))[0] for _ in range(BUSES)]
        _write_files(folder, ports)
        rss_mb, readings = asyncio.run(_watch(folder))
    peer = thingsboard.ingest_at(PEER_PER_S, PEER_SECONDS)
    return Benchmark(
        "memory",
        (
            Claim(
                "field.rss_mb_200",
                round(rss_mb, 1),
                "MB: the most the field process held, 200 meters on 2 buses every 10 s",
                "<=",
                60,
                {"ThingsBoard gateway, 5 messages/s": round(peer.rss_bytes / 1e6, 1)},
            ),
        ),
        (f"{readings:,} readings in {SECONDS} s.",),
    )


async def _watch(folder: Path) -> tuple[float, int]:
    """The most memory it held, MB, and how many readings it kept."""
    process = PeerProcess(
        [sys.executable, "-m", "gateway", "run", "--only", "field", "--config", "gateway.toml"],
        folder,
        {"PYTHONPATH": str(ROOT)},
    )
    try:
        await asyncio.sleep(SECONDS)
        process.check()
        rss_bytes = process.footprint().rss_bytes
    finally:
        await process.stop()
    return rss_bytes / 1e6, len(kept_in(folder / "usage.db"))


def _write_files(folder: Path, ports: list[str]) -> None:
    buses = [_BUS.format(number=number, port=port) for number, port in enumerate(ports, start=1)]
    points = [
        _POINT.format(slot=(bus - 1) * PER_BUS + unit - 1, bus=bus, unit=unit)
        for bus in range(1, BUSES + 1)
        for unit in range(1, PER_BUS + 1)
    ]
    (folder / "gateway.toml").write_text(
        _CONFIG + clock_section() + "".join(buses + points), "utf-8"
    )
