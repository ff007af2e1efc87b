"""Usage that waits although settling goes on, in words for the operator. Settles nothing."""

from __future__ import annotations

from gateway.store.database import Database
from gateway.store.settlement import find_held_back, find_unregistered


async def say_what_waits(database: Database, site: int) -> str | None:
    """What keeps usage waiting that a person should look at, to go on a sentence; None: nothing.

    Args:
        database: the store.
        site: the village's number on chain.
    """
    if unknown := await find_unregistered(database, site):
        label, slot = unknown[0]
        return (
            f"but the contract does not know {len(unknown)} of the meters, the first is "
            f"{label}: the provider has to register slot {slot}; what it uses waits here"
        )
    if held := await find_held_back(database, site):
        first = held[0]
        others = f" ({len(held) - 1} more meters have the same)" if len(held) > 1 else ""
        return (
            f"but {first.waiting_wh / 1000:.1f} kWh of {first.label} wait because the contract "
            f"lets at most {first.max_power_w} W flow there{others}: unless much was read late, "
            "check the meter, and what its connection can carry; the provider sets that with "
            f"`gateway admin meter max-power {site}/{first.slot} W`"
        )
    return None
