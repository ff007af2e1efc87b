"""What a meter's readings say about the relay upstream of its load: pure.

The relay sits downstream of its meter, so power that flows after a disconnection contradicts it.
Silence proves nothing: a household without load looks like an open relay.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.supply import SupplyState
from gateway.store.supply import Output, PointSupply


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How readings are taken for proof.

    Args:
        flow_mw: more than this is power that flows, mW.
        settle_s: readings this soon after a switching prove nothing, s.
    """

    flow_mw: int = 500
    settle_s: int = 5


def observe(point: PointSupply, settings: OutputSettings) -> Output:
    """The output state of one meter point's relay since it was last commanded.

    A connected relay that once let power flow stays confirmed; a disconnected one is judged by
    every reading, because a bypass can come later.
    """
    facts = point.facts
    if point.switched_ms is None or point.heard_ms is None or facts.power_mw is None:
        return point.output
    if point.heard_ms <= point.switched_ms + settings.settle_s * 1000:
        return point.output
    flows = facts.power_mw > settings.flow_mw
    match facts.state, flows:
        case SupplyState.CONNECTED, True:
            return Output.CONFIRMED
        case SupplyState.CONNECTED, False:
            return point.output
        case _, True:
            return Output.CONTRADICTED
        case _:
            return Output.CONFIRMED
