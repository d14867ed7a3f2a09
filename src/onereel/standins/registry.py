"""Every stand-in by name."""

import difflib

from onereel.errors import WeightsError
from onereel.standins.base import StandIn
from onereel.standins.c3d import C3DStandIn
from onereel.standins.clip import ClipStandIn
from onereel.standins.depth import DepthStandIn
from onereel.standins.flow import FlowStandIn
from onereel.standins.inception import InceptionStandIn

STAND_INS: dict[str, StandIn] = {
    one.name: one for one in (ClipStandIn(), DepthStandIn(), C3DStandIn(), InceptionStandIn(), FlowStandIn())
}


def find(name: str) -> StandIn:
    """A stand-in.

    Raises: WeightsError for an unknown name.
    """
    if name not in STAND_INS:
        near = difflib.get_close_matches(name, STAND_INS, n=1, cutoff=0.3)
        remedy = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(STAND_INS)}"
        raise WeightsError(f"stand-in '{name}'", "no such stand-in", remedy)
    return STAND_INS[name]
