"""The nearest-neighbour field from a sample's 3x3x3 patches to the input's: the common part of NNFDIV and NNFDIST.

Search: exhaustive up to `EXACT_PAIRS` patch pairs, PatchMatch with a fixed seed and `SWEEPS` sweeps above. Where the
patch at the same place is as near as the one that was found, the displacement is zero: in flat regions many patches
tie, and without that rule their order would decide the score, and a copy of the input would not read as a copy.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import avg_pool3d

from onereel.base.errors import MetricError
from onereel.metrics.base import Context, Metric
from onereel.nnf import SearchConfig, search
from onereel.video.clip import Frames, to_video

PATCH = (3, 3, 3)
EXACT_PAIRS = 1_000_000_000
"""Query positions times key positions up to which the search is exact."""
SWEEPS = 30
SEED = 0


class NNFMetric(Metric):
    """A number read off the field of displacements from one sample to the input."""

    least_frames = PATCH[0]

    def protocol(self) -> dict[str, Any]:
        """Patch and search."""
        return {
            "name": f"3x3x3-exact-or-patchmatch{SWEEPS}",
            "patch": list(PATCH),
            "exact_pairs": EXACT_PAIRS,
            "sweeps": SWEEPS,
            "seed": SEED,
        }

    def extract(
        self, frames: Frames, reference: Frames, device: torch.device | str = "cpu"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Displacements (Tq, Hq, Wq, 3) int16 in voxels (t, h, w) and distances (Tq, Hq, Wq) float32 (MSE, [-1, 1]).

        Raises: MetricError if a patch does not fit into one of the clips.
        """
        queries, keys = to_video(frames, device=device), to_video(reference, device=device)
        pairs = 1
        for video in (queries, keys):
            if any(length < extent for length, extent in zip(video.shape[1:], PATCH, strict=True)):
                size = "x".join(map(str, video.shape[1:]))
                raise MetricError(f"{self.name} of a clip of {size}", "a 3x3x3 patch does not fit", "use a larger clip")
            pairs *= int(np.prod([length - 2 for length in video.shape[1:]]))
        method = SearchConfig(method="exhaustive" if pairs <= EXACT_PAIRS else "patchmatch", sweeps=SWEEPS)
        generator = torch.Generator().manual_seed(SEED)
        field = search(queries, keys, patch=PATCH, method=method, generator=generator)
        return prefer_no_displacement(queries, keys, field.offsets(), field.distance)

    def field(self, reference: Frames, samples: Sequence[Frames], context: Context) -> tuple[np.ndarray, np.ndarray]:
        """`extract`, once per pair of clips."""
        (sample,) = samples

        def compute() -> dict[str, np.ndarray]:
            offsets, distance = self.extract(sample, reference, context.device)
            return {"offsets": offsets, "distance": distance}

        arrays = context.stored("nnf", [sample, reference], NNFMetric.protocol(self), compute)
        return arrays["offsets"], arrays["distance"]


def prefer_no_displacement(
    queries: torch.Tensor, keys: torch.Tensor, offsets: torch.Tensor, distance: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Set displacements to zero where the patch at the same place is at least as near.

    Args:
        queries, keys: (C, T, H, W) float32, sizes may differ.
        offsets: (Tq, Hq, Wq, 3) int64.
        distance: (Tq, Hq, Wq) float32, mean squared difference per element.

    Returns: offsets int16 and distances float32, as NumPy arrays.
    """
    offsets, distance = offsets.to(torch.int16), distance.clamp_min(0)  # both are copies
    common = tuple(slice(0, min(pair)) for pair in zip(queries.shape[1:], keys.shape[1:], strict=True))
    squares = (queries[:, *common] - keys[:, *common]).square().mean(dim=0)[None, None]
    own = avg_pool3d(squares, PATCH, stride=1)[0, 0]
    place = tuple(slice(0, length) for length in own.shape)
    nearer = own <= distance[place]
    distance[place] = torch.where(nearer, own, distance[place])
    offsets[place] = torch.where(nearer[..., None], 0, offsets[place])
    return offsets.cpu().numpy(), distance.cpu().numpy()
