"""Warp error of an edit (Lai et al. 2018; Gen-1, Fig. 4), in the two variants that papers mix up.

Mean squared difference, values in [0, 1], between every frame and the next one fetched along a flow, over pixels that
are seen in both. `share` is the part of the pixels that count; a value of fewer than a tenth of them is none: public
evaluators return a perfect 0 there. Lower is steadier, and a still is perfect: read it beside the dynamic degree.
"""

from typing import Any, ClassVar

from onereel.metrics.base import Context
from onereel.metrics.extracts import flows
from onereel.metrics.measures.base import Edit, Found, Measure
from onereel.metrics.warp_error import WarpError
from onereel.video.clip import Frames
from onereel.video.warping import occluded

LEAST_SHARE = 0.1  # of the pixels: fewer are no measurement of a video


class _WarpErrorAlong(Measure):
    better = "lower"
    roles: ClassVar[tuple[str, ...]] = ("flow",)
    least_frames = 2

    def along(self, edit: Edit, moving: Frames, context: Context) -> Found:
        """Of the edit's frames, along the flow of a clip."""
        warp, found = WarpError(), flows(moving, context)
        hidden = occluded(found["forward"], found["backward"])
        errors, counts = warp.statistics(edit.output, found["forward"], hidden)
        share = float(counts.mean())
        if share < LEAST_SHARE:
            return Found(None, f"only {100 * share:.0f} % of the pixels are seen in the next frame", share)
        return Found(warp.distance(errors, counts), share=share)


class WarpErrorSourceFlow(_WarpErrorAlong):
    """Along the source's flow: does the edit move as the source does, and hold still otherwise?"""

    name = "warp_error_source_flow"
    title = "Warp error (source's flow)"
    keeps_motion = True

    def protocol(self) -> dict[str, Any]:
        """Whose flow."""
        return {**WarpError().protocol(), "flow_of": "source", "least_share": LEAST_SHARE}

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's frames."""
        return self.along(edit, edit.source, context)


class WarpErrorOwnFlow(_WarpErrorAlong):
    """Along the edit's own flow: does it flicker, however it moves?"""

    name = "warp_error_own_flow"
    title = "Warp error (own flow)"

    def protocol(self) -> dict[str, Any]:
        """Whose flow."""
        return {**WarpError().protocol(), "flow_of": "edit", "least_share": LEAST_SHARE}

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's frames."""
        return self.along(edit, edit.output, context)


MEASURES = (WarpErrorSourceFlow(), WarpErrorOwnFlow())
