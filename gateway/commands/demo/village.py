"""The demo's life: build everything in order, let it live, drain it, judge it, end it."""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.clock import Clock
from gateway.commands.demo.chain import LATE_PAYMENT, DemoChain
from gateway.commands.demo.files import (
    BROKER_USER,
    ZONE,
    Ports,
    new_passwords,
    write_configuration,
    write_secret,
)
from gateway.commands.demo.processes import GatewayProcess
from gateway.errors import Permanent
from gateway.ledger.contracts.meter import Plan as PaymentPlan
from gateway.simulation.broker import Broker, BrokerAddress
from gateway.simulation.households import (
    BUS_METERS,
    NODES,
    Habit,
    Resident,
    metered_feeder,
    residents,
)
from gateway.simulation.localnet import Localnet
from gateway.simulation.nodes import NodeSettings
from gateway.simulation.outage import Cable
from gateway.simulation.recording import Recording
from gateway.simulation.verdict import (
    Household,
    Verdict,
    count_backlog,
    count_unsettled,
    judge,
    recorded_wh,
    records_cached,
    shortfalls,
)
from gateway.simulation.village import Village

FIRST_HOUR = 15
"""The village's day begins at three in the afternoon, so the evening peak comes within minutes."""
CLOSE_MS = 250
LEAD_WALL_S = 8.0
READY_S = 60.0
POLL_S = 0.2
LATE_SHARE = 0.4
LATE_S = 60.0
PARTS = ("settlement", "field", "web")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to be.

    Args:
        for_s: wall seconds of load; None: until a person ends it.
        outage: from and to, wall seconds; None: the chain stays reachable.
        recording: replayed in place of the load profile.
        seed: of the load profile.
        factor: village seconds per wall second.
    """

    for_s: int | None
    outage: tuple[float, float] | None
    recording: Recording | None
    seed: int
    factor: float


class DemoVillage:
    """One run.

    Args:
        plan: what it is to be.
        folder: temporary, short path, emptied by the caller.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.database = folder / "usage.db"
        self.clock = Clock(_afternoon_s(), time.time(), plan.factor)
        self.page_url = ""
        self.started_s = 0.0
        self.backlog = 0
        self.backlog_max = 0
        self._residents: list[Resident] = []
        self._processes: list[GatewayProcess] = []

    @property
    def wall_s(self) -> float:
        """Wall seconds since the village came to life."""
        return time.monotonic() - self.started_s if self.started_s else 0.0

    async def build(self, stack: AsyncExitStack) -> None:
        """Bring everything up, in the order of what needs what.

        Args:
            stack: ends everything again, in reverse.
        """
        localnet = Localnet(self.clock, CLOSE_MS)
        stack.push_async_callback(localnet.stop)
        await localnet.start()
        passwords = new_passwords([_node_name(number) for number in range(NODES)])
        broker = Broker(self.folder / "mosquitto", passwords)
        stack.push_async_callback(broker.stop)
        address = await broker.start()
        nodes = [_node(_node_name(number), passwords) for number in range(NODES)]
        write_secret(self.folder / "mqtt", passwords[BROKER_USER] + "\n")
        keys = "".join(f"{node.name} {node.key.hex()}\n" for node in nodes)
        write_secret(self.folder / "nodes", keys)

        self._chain = DemoChain(localnet)
        stack.push_async_callback(self._chain.close)
        self._residents = self._inhabit(nodes, 0)  # the chain needs slots and habits only
        since_s = int(self.clock.origin_s) // 900 * 900
        await self._chain.open(self._residents, self.folder / "signing", since_s)
        await self._chain.pay_first(self._residents)

        host, _, port = localnet.url.removeprefix("http://").partition(":")
        self._cable = Cable(host, int(port))
        stack.push_async_callback(self._cable.pull_out)
        await self._cable.plug_in()
        await self._settle_in(stack, nodes, address)

    async def _settle_in(
        self, stack: AsyncExitStack, nodes: list[NodeSettings], broker: BrokerAddress
    ) -> None:
        """Start the village on a full minute, and the gateway before anybody draws power."""
        start_s = (int(self.clock.now_s()) // 60 + 1) * 60 + _lead_s(self.plan.factor)
        self._residents = self._inhabit(nodes, start_s)
        self._village = Village(
            self.folder,
            self.clock,
            start_s,
            [one.home for one in self._residents],
            broker,
            feeders=[metered_feeder(self._residents)],
        )
        self._village.start()
        stack.push_async_callback(self._village.stop)
        web_port = _free_port()
        ports = Ports(self._village.bus_path, broker.port, self._cable.url, web_port)
        configuration = write_configuration(
            self.folder, ports, self.clock, self._chain.contract, self._residents
        )
        self._processes = [
            GatewayProcess(part, configuration, self.folder, self._environment(part))
            for part in PARTS
        ]
        for process in self._processes:
            stack.push_async_callback(process.stop)
        await self._processes[0].start()
        await self._until(lambda: records_cached(self.database) == len(self._residents))
        for process in self._processes[1:]:
            await process.start()
        self.page_url = f"http://127.0.0.1:{web_port}/"
        await self._until(lambda: self.clock.now_s() >= start_s)
        await self._until(lambda: _answers(web_port))
        self.started_s = time.monotonic() - (self.clock.now_s() - start_s) / self.plan.factor

    def _inhabit(self, nodes: list[NodeSettings], start_s: int) -> list[Resident]:
        return residents(self.plan.seed, start_s, nodes, self.plan.recording, self._minutes)

    @property
    def _minutes(self) -> int | None:
        """Village minutes of load."""
        for_s = self.plan.for_s
        return None if for_s is None else round(for_s * self.plan.factor / 60)

    def _environment(self, part: str) -> dict[str, str]:
        if part != "field":
            return {}
        return {**self._village.pins.environment, "LG_WD": str(self.folder)}

    async def live(self) -> None:
        """Let time pass: households use power and pay, the uplink fails and comes back."""
        pay_late_s = LATE_S if self.plan.for_s is None else LATE_SHARE * self.plan.for_s
        agenda = [(pay_late_s, self._pay_late)]
        if self.plan.outage:
            agenda.append((self.plan.outage[0], self._cable.pull_out))
            agenda.append((self.plan.outage[1], self._cable.plug_in))
        agenda.sort(key=lambda item: item[0])
        while self.plan.for_s is None or self.wall_s < self.plan.for_s:
            while agenda and agenda[0][0] <= self.wall_s:
                await agenda.pop(0)[1]()
            self._look()
            await asyncio.sleep(POLL_S)

    async def _pay_late(self) -> None:
        for resident in self._residents:
            if resident.habit is Habit.PAYS_LATE:
                await self._chain.pay(resident, LATE_PAYMENT, PaymentPlan.USAGE_BASED)

    async def drain(self, most_s: float) -> None:
        """Wait until everything that was drawn is on the chain, but no longer than ``most_s``."""
        deadline_s = time.monotonic() + most_s
        while time.monotonic() < deadline_s:
            self._look()
            households = self._households()
            if not shortfalls(households, self.database) and not count_unsettled(self.database):
                return
            await asyncio.sleep(POLL_S)

    def _look(self) -> None:
        for process in self._processes:
            process.check()
        self.backlog = count_backlog(self.database)
        self.backlog_max = max(self.backlog_max, self.backlog)

    async def close(self) -> Verdict:
        """Stop the gateway, then judge what it left behind."""
        problems = [problem for one in self._processes if (problem := await one.stop())]
        facts = await self._chain.facts(len(self._residents))
        households = self._households()
        problems += self._recording_problems(households)
        if unsettled_wh := count_unsettled(self.database):
            problems.append(f"not drained: {unsettled_wh} Wh wait to be settled")
        return judge(households, self.database, facts, self.backlog_max, problems)

    def _recording_problems(self, households: list[Household]) -> list[str]:
        """Whether the registers moved by what the recording says, to the Wh."""
        recording, minutes = self.plan.recording, self._minutes
        if recording is None or minutes is None:
            return []
        return [
            f"{house.label}: its register moved {house.end_wh - house.start_wh} Wh, "
            f"the recording says {wanted_wh} Wh"
            for house in households
            if house.end_wh - house.start_wh
            != (wanted_wh := recorded_wh(Path(recording.source), house.slot, minutes))
        ]

    def _households(self) -> list[Household]:
        registers = self._village.registers()
        return [
            Household(
                label=one.home.label,
                slot=one.slot,
                start_wh=one.home.first_register_wh,
                end_wh=registers[one.home.label],
                disconnects=self._village.households[one.home.label].disconnects,
                reconnects=self._village.households[one.home.label].reconnects,
            )
            for one in self._residents
        ]

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition of the world while the gateway's processes live."""
        deadline_s = time.monotonic() + READY_S
        while not true():
            for process in self._processes:
                process.check()
            if time.monotonic() > deadline_s:
                raise Permanent(f"the village was not ready within {READY_S:g} s")
            await asyncio.sleep(POLL_S)


def _afternoon_s() -> float:
    """Today at 15:00 in the village (unix seconds)."""
    zone = ZoneInfo(ZONE)
    today = datetime.fromtimestamp(time.time(), UTC).astimezone(zone)
    return today.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0).timestamp()


def _lead_s(factor: float) -> int:
    """Village seconds that the gateway's processes get to start before the first minute."""
    return math.ceil(LEAD_WALL_S * factor / 60) * 60


def _node_name(number: int) -> str:
    return f"meter-{BUS_METERS + number + 1:03d}"


def _node(name: str, passwords: dict[str, str]) -> NodeSettings:
    return NodeSettings(name, passwords[name], secrets.token_bytes(32))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
