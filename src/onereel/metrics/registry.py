"""Every metric by name."""

from onereel.metrics import (
    NAMES,
    coherence,
    completeness,
    consistency,
    detail,
    diversity,
    nnfdist,
    nnfdiv,
    psnr,
    sgfid,
    sifid,
    ssim,
    svfid,
    warp_error,
)
from onereel.metrics.base import Metric

_MODULES = (
    svfid, sgfid, sifid, diversity, coherence, completeness, detail, nnfdiv, nnfdist, consistency, warp_error,
    psnr, ssim,
)  # fmt: skip

REGISTRY: dict[str, Metric] = {metric.name: metric for module in _MODULES for metric in module.METRICS}
"""In the order of tables."""
if tuple(REGISTRY) != NAMES:
    raise ImportError(f"onereel.metrics.NAMES has to be {tuple(REGISTRY)}")
