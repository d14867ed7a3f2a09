"""The stand-in of a text-to-video cascade: pixels, in stages, in the manner of Imagen Video (Ho et al. 2022).

Every stage is trained alone. Worlds are drawn so that no attribute is rare: each has a weight that falls with how often
its values occur. A third of the batches are pictures without time, of which the temporal layers see nothing.
"""

from onereel.standins.t2v.base import T2VBase
from onereel.standins.t2v.later import T2VSpatial1, T2VSpatial2, T2VTemporal

__all__ = ["T2VBase", "T2VSpatial1", "T2VSpatial2", "T2VTemporal"]
