"""What a benchmark claims, and whether the numbers bear it out."""

from __future__ import annotations

import json
import operator
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

RESULTS = Path(__file__).parent / "results"
_HOLDS = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True, slots=True)
class Claim:
    """One number, its bound, and the same number for others on the same work.

    Args:
        id: stable name, like ``settle.ratio_vs_entry``.
        value: what was measured.
        unit: of ``value``, the bound and the peers.
        op: how ``value`` must stand to ``bound``.
        bound: what is claimed.
        peers: the same for others, measured in the same run.
    """

    id: str
    value: float
    unit: str
    op: Literal["<=", ">=", "="]
    bound: float
    peers: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the claim is true on this machine."""
        return bool(_HOLDS[self.op](self.value, self.bound))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """All claims of one file, with a table for the reader.

    Args:
        name: of the file.
        claims: its claims.
        table: lines of Markdown with the numbers behind them.
    """

    name: str
    claims: tuple[Claim, ...]
    table: tuple[str, ...] = ()

    def save(self) -> None:
        """Write ``results/NAME.json``."""
        RESULTS.mkdir(exist_ok=True)
        document = {
            "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "claims": [asdict(claim) for claim in self.claims],
            "table": list(self.table),
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
