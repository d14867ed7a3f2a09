"""Nearest-neighbour fields between the space-time patches of two videos.

`search` is the one interface: exact or PatchMatch, plain or weighted, on the CPU (fused numba kernels) or on any torch
device (readable reference). Source: VGPNN (Haim et al. 2022), section 3.

Names are imported when they are first used: settings of methods need `nnf.settings`, which must not wait for torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onereel.nnf.engines import Engine, completeness_weights, search
    from onereel.nnf.field import Field, grid_positions, grid_size, ravel, unravel
    from onereel.nnf.settings import SearchConfig

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from onereel.nnf import engines, field, settings

    for module in (engines, field, settings):
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(name)
