"""Metrics: how near samples are to the one clip that they were made from, and how diverse.

One module per metric (or per family that shares all but a constant); `evaluate` measures samples with any of them. To
add a metric: write its module with a tuple ``METRICS`` and name it in the list below.
"""

from onereel.metrics import (
    coherence,
    completeness,
    consistency,
    diversity,
    nnfdist,
    nnfdiv,
    psnr,
    sgfid,
    ssim,
    svfid,
    warp_error,
)
from onereel.metrics.base import Context, Metric

_MODULES = (
    svfid, sgfid, diversity, coherence, completeness, nnfdiv, nnfdist, consistency, warp_error, psnr, ssim,
)  # fmt: skip # the order of tables

REGISTRY: dict[str, Metric] = {metric.name: metric for module in _MODULES for metric in module.METRICS}
"""Every metric by name."""


def metric_names() -> tuple[str, ...]:
    """Names of all metrics, in the order of tables."""
    return tuple(REGISTRY)


from onereel.metrics.evaluation import evaluate, format_summary  # noqa: E402 (it reads the registry)

__all__ = ["REGISTRY", "Context", "Metric", "evaluate", "format_summary", "metric_names"]
