"""How an edit moves, held against its source, and how much it moves at all.

By optical flow; records name what estimates it. Lengths are pixels of the frames as measured, from a frame to the next.
"""

from typing import Any, ClassVar

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.extracts import flows
from onereel.metrics.measures.base import Edit, Found, Measure
from onereel.metrics.measures.tracks import Tracks, fidelity, still_below, track
from onereel.metrics.measures.warping import LEAST_SHARE
from onereel.video.clip import Frames
from onereel.video.warping import occluded

STILL = 0.5  # of the motion that an edit should have: below it, consistency says nothing
_GRID = 16  # tracks begin at so many places along each side


class MotionEndPointError(Measure):
    """Mean distance of the edit's flow and the source's (V2VBench's motion alignment, with the opposite sign).

    Over pixels that stay in sight in the source. 0 for the source itself.
    """

    name = "motion_end_point_error"
    title = "Motion end-point error"
    better = "lower"
    unit = "px"
    roles: ClassVar[tuple[str, ...]] = ("flow",)
    keeps_motion = True
    least_frames = 2

    def protocol(self) -> dict[str, Any]:
        """Where pixels count."""
        return {"name": "epe-to-source", "hidden": "forward-backward of the source", "least_share": LEAST_SHARE}

    def find(self, edit: Edit, context: Context) -> Found:
        """Mean over pixels and frames."""
        source, output = flows(edit.source, context), flows(edit.output, context)
        seen = ~occluded(source["forward"], source["backward"])
        share = float(seen.mean())
        if share < LEAST_SHARE:
            return Found(None, f"only {100 * share:.0f} % of the source's pixels stay in sight", share)
        return Found(float(np.linalg.norm(output["forward"] - source["forward"], axis=-1)[seen].mean()), share=share)


class MotionFidelity(Measure):
    """How well tracks of the edit and of the source match each other (Yatim et al. 2024, Space-Time Features).

    Every track is matched with the most similar one of the other video; mean over both directions. Similarity is the
    mean cosine of the steps; two steps that stand still are equal (1), one that stands still and one that moves are
    not (0). 1 for equal videos, stills included. Tracks follow flow from a 16x16 grid until they are hidden or leave
    the frame; the paper's are of CoTracker.
    """

    name = "motion_fidelity_flow_tracks"
    title = "Motion fidelity (flow tracks, both ways)"
    better = "higher"
    roles: ClassVar[tuple[str, ...]] = ("flow",)
    keeps_motion = True
    least_frames = 3

    def protocol(self) -> dict[str, Any]:
        """Tracks and matching."""
        return {"name": "symmetric-best-match", "grid": _GRID, "tracks": "chained flow", "still": "0.1 % of diagonal"}

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the tracks that last for half of the clip, or of all where these are few."""
        source, output = self._tracks(edit.source, context), self._tracks(edit.output, context)
        value, share = fidelity(source, output, still_below(*edit.source.shape[1:3]))
        if value is None or share < LEAST_SHARE:
            return Found(None, f"only {100 * share:.0f} % of the tracks last long enough to be matched", share)
        return Found(value, share=share)

    def _tracks(self, frames: Frames, context: Context) -> Tracks:
        found = flows(frames, context)
        return track(found["forward"], found["backward"], _GRID)


class DynamicDegree(Measure):
    """Mean length of the flow. Neither way is better: an edit should move as much as it is to move.

    `stillness` says which edits move so little that measures of consistency must not rank them.
    """

    name = "dynamic_degree"
    title = "Dynamic degree (mean flow)"
    better = None
    unit = "px"
    roles: ClassVar[tuple[str, ...]] = ("flow",)
    least_frames = 2

    def protocol(self) -> dict[str, Any]:
        """Reduction, and when an edit counts as a still."""
        return {"name": "mean-flow-magnitude", "still_below": STILL, "of": "the true edit, else the source"}

    def find(self, edit: Edit, context: Context) -> Found:
        """Mean over pixels and frames."""
        moves = amount_of_motion(edit.output, context)
        return Found(moves, _STILL_NOTE if is_still(edit, context) else "")


_STILL_NOTE = "moves less than half as much as it should: shown, never ranked"


def amount_of_motion(frames: Frames, context: Context) -> float:
    """Mean length of the flow of a clip, pixels."""
    return float(np.linalg.norm(flows(frames, context)["forward"], axis=-1).mean())


def expected_motion(edit: Edit, context: Context) -> float | None:
    """How much an edit should move: as the true edit, or as the source; None where nobody can say (edits of motion)."""
    if edit.moves or len(edit.output) < 2:
        return None
    return amount_of_motion(edit.source if edit.truth is None else edit.truth, context)


def is_still(edit: Edit, context: Context) -> bool:
    """Whether an edit moves less than half as much as it should; sources that stand still themselves excuse it."""
    wanted = expected_motion(edit, context)
    if wanted is None or wanted <= still_below(*edit.source.shape[1:3]):
        return False
    return amount_of_motion(edit.output, context) < STILL * wanted


MEASURES = (MotionEndPointError(), MotionFidelity(), DynamicDegree())
