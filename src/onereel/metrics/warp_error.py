"""Warp error (Gen-1, Fig. 4): how much a video changes beside its motion.

- Mean squared difference between every frame and the next one fetched along the optical flow, over pixels that are seen
  in both, in units of the full range (0 to 1). Lower is steadier; 0 for a still. Flicker raises it, motion does not.
- Whose flow: an edit keeps the motion of its source, so its frames are fetched along the source's flow; a generated
  video moves in its own way and gets its own. Records say which (``flow_of``).
- Hidden pixels: where the flow there and the flow back do not meet (Sundaram et al. 2010, Eq. 5), and where the flow
  leaves the frame.
- Bilinear. The next frame is fetched to the places of this one, not the other way round: the flow of a pixel is known
  at its own place only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from onereel.metrics.base import Arrays, Context, Metric
from onereel.metrics.extracts import flows
from onereel.video.clip import Frames
from onereel.video.warping import fetch, occluded


class WarpError(Metric):
    """Mean squared error along the flow."""

    name = "warp_error"
    title = "Warp error"
    better = "lower"
    extractor = "flow"
    extractor_title = "optical flow"
    least_frames = 2
    needs_reference = False  # for the motion of the sample itself

    def protocol(self) -> dict[str, Any]:
        """Where pixels count, and in what unit."""
        return {"name": "mse-along-flow", "range": "0..1", "hidden": "forward-backward, Sundaram et al. 2010"}

    def extract(self, frames: Frames, context: Context) -> Arrays:
        """``forward``, ``backward``: (T-1, H, W, 2) float32 pixels (dx, dy); kept."""
        return flows(frames, context)

    def statistics(self, frames: Frames, forward: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared difference, mean over colours, of every pixel and where it goes; and which of them count.

        Args:
            frames: (T, H, W, 3) uint8.
            forward: (T-1, H, W, 2) flow to the next frame, pixels (dx, dy).
            hidden: (T-1, H, W) bool: not seen in the next frame.

        Returns: (T-1, H, W) float32 errors and (T-1, H, W) bool.
        """
        video = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        fetched, inside = fetch(video[1:], torch.from_numpy(forward))
        errors = (fetched - video[:-1]).square().mean(1)
        return errors.numpy(), inside.numpy() & ~hidden

    def distance(self, errors: np.ndarray, counts: np.ndarray) -> float:
        """Mean over what counts; NaN where nothing does."""
        return float(errors[counts].mean()) if counts.any() else float("nan")

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Of one sample, along the flow that `Context.flow_of` names."""
        (sample,) = samples
        own = context.flow_of == "sample" or sample.shape != reference.shape
        found = self.extract(sample if own else reference, context)
        return self.distance(*self.statistics(sample, found["forward"], occluded(found["forward"], found["backward"])))


METRICS = (WarpError(),)
