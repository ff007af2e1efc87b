"""Every model of meter that the gateway reads: one file per family, one table per model.

Adding a meter is adding its table to a file here and its name to :data:`FAMILIES`.
"""

from gateway.wire.meters.eastron import SDM120, SDM230
from gateway.wire.meters.pzem_ac import PZEM_004T_V3, PZEM_014, PZEM_016
from gateway.wire.meters.pzem_dc import PZEM_003, PZEM_017
from gateway.wire.tables import RegisterMap

__all__ = [
    "FAMILIES",
    "PZEM_003",
    "PZEM_004T_V3",
    "PZEM_014",
    "PZEM_016",
    "PZEM_017",
    "REGISTER_MAPS",
    "SDM120",
    "SDM230",
]

FAMILIES: tuple[tuple[RegisterMap, ...], ...] = (
    (PZEM_003, PZEM_017),  # before the AC models: these have what those have, and more
    (PZEM_004T_V3, PZEM_014, PZEM_016),
    (SDM120, SDM230),
)
"""Models that only their labels tell apart, together; in the order in which to try them."""

REGISTER_MAPS = {table.model: table for family in FAMILIES for table in family}
