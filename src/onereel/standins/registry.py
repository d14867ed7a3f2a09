"""Every stand-in by name."""

from onereel.base.errors import WeightsError
from onereel.base.names import did_you_mean
from onereel.standins.base import StandIn
from onereel.standins.c3d import C3DStandIn
from onereel.standins.depth import DepthStandIn
from onereel.standins.flow import FlowStandIn
from onereel.standins.gen1 import Gen1Depth, Gen1Edges, Gen1Structure, Gen1Video
from onereel.standins.inception import InceptionStandIn
from onereel.standins.latent import AutoencoderStandIn
from onereel.standins.latent_image import LatentImage
from onereel.standins.latent_text import LatentText
from onereel.standins.prior import PriorStandIn
from onereel.standins.t2v import T2VBase, T2VSpatial1, T2VSpatial2, T2VTemporal
from onereel.standins.text_image import ClipStandIn

_ALL: tuple[StandIn, ...] = (
    ClipStandIn(),
    DepthStandIn(),
    C3DStandIn(),
    InceptionStandIn(),
    FlowStandIn(),
    T2VBase(),
    T2VTemporal(),
    T2VSpatial1(),
    T2VSpatial2(),
    AutoencoderStandIn(),
    PriorStandIn(),
    LatentImage(),
    LatentText(),
    Gen1Video(),
    Gen1Depth(),
    Gen1Structure(),
    Gen1Edges(),
)
STAND_INS = {one.name: one for one in _ALL}


def find(name: str) -> StandIn:
    """A stand-in.

    Raises: WeightsError for an unknown name.
    """
    if name not in STAND_INS:
        raise WeightsError(f"stand-in '{name}'", "no such stand-in", did_you_mean(name, STAND_INS))
    return STAND_INS[name]
