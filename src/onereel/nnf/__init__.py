"""Nearest-neighbour fields between the space-time patches of two videos.

`search` is the one interface: exact or PatchMatch, plain or weighted, on the CPU (fused numba kernels) or on any torch
device (readable reference). Source: VGPNN (Haim et al. 2022), section 3.
"""

from onereel.nnf.field import Field, SearchConfig, grid_positions, grid_size, ravel, unravel
from onereel.nnf.search import Engine, completeness_weights, search

__all__ = [
    "Engine",
    "Field",
    "SearchConfig",
    "completeness_weights",
    "grid_positions",
    "grid_size",
    "ravel",
    "search",
    "unravel",
]
