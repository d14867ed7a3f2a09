"""Metrics: how near samples are to the one clip that they were made from, and how diverse.

One module per metric (or per family that shares all but a constant); `onereel.metrics.evaluation.evaluate` measures
samples with any of them. To add a metric: write its module with a tuple ``METRICS``, name the module in
`onereel.metrics.registry` and its metrics in `NAMES`. Needs no torch: sheets are checked with the names.
"""

NAMES: tuple[str, ...] = (
    "svfid", "sgfid", "sgfid64", "sifid", "sifid64", "diversity", "coherence", "completeness", "detail",
    "nnfdiv", "nnfdiv_scaled", "nnfdist", "frame_consistency", "prompt_consistency", "warp_error",
    "psnr", "ssim",
)  # fmt: skip
"""All metrics, in the order of tables."""
