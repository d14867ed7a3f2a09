"""Stand-ins: small models of the same classes as the real ones, trained by this project on its scene `world`.

They make everything run, and mean something, where nothing can be downloaded. `train_stand_in` makes one, ``snakemake
stand_ins`` all of them; ``onereel weights adopt`` takes one over into ``config``, where `onereel.weights.store` finds
it.
"""

from onereel.standins.base import StandIn
from onereel.standins.make import adopt, train_stand_in
from onereel.standins.registry import STAND_INS, find

__all__ = ["STAND_INS", "StandIn", "adopt", "find", "train_stand_in"]
