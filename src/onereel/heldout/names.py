"""Names in the records and among the films of a test."""

from collections.abc import Mapping

TRUTH, METHOD, SIDE_BY_SIDE = "truth", "method", "side_by_side"
REPEAT, EXTRAPOLATE = "repeat_last", "flow_extrapolation"
BLEND, INTERPOLATE = "linear_blend", "flow_interpolation"
BICUBIC = "bicubic"

BASELINES: Mapping[str, str] = {
    REPEAT: "Repeat last frame",
    EXTRAPOLATE: "Linear flow extrapolation",
    BLEND: "Linear blend",
    INTERPOLATE: "Flow interpolation",
    BICUBIC: "Bicubic",
}
"""The baselines, as tables print them."""
BY_FLOW = frozenset({EXTRAPOLATE, INTERPOLATE})
"""Baselines that depend on the estimator of optical flow."""
