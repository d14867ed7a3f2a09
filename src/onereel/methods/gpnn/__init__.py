"""GPNN*: VGPNN with an exhaustive search, the baseline of its Fig. 6 ("GPNN, extended to video").

The search visits every pair of patches, in blocks or displacement by displacement; the matrix of distances never exists
(`onereel.nnf.exhaustive_numba`, `exhaustive_torch`), so memory is linear in voxels and only patience limits the size.
Time is quadratic in voxels.
"""

from onereel.methods.vgpnn import VGPNN
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.nnf.settings import SearchConfig

__all__ = ["GPNN", "METHOD", "GPNNConfig"]


class GPNNConfig(VGPNNConfig):
    """Settings of VGPNN, with another search."""

    search: SearchConfig = SearchConfig(method="exhaustive")
    """Exact nearest neighbours (section 4, "GPNN*")."""


class GPNN(VGPNN):
    """The same tasks and results as VGPNN's, without its approximation."""

    name = "gpnn"
    title = "GPNN*"
    paper = "Granot et al., Drop the GAN, 2022, extended to video by Haim, Feinstein et al., 2022"
    Config = GPNNConfig


METHOD = GPNN()
