"""Optical flow between consecutive frames, and how fast every voxel moves in a few levels.

RAFT (Teed and Deng 2020, torchvision's model) where its weights are present, else TV-L1 (Zach et al. 2007;
`onereel.features.tvl1`), which needs none. Why TV-L1: mean end-point error in pixels against the exact flow of our
scenes at 72x128, seeds 0 and 1, 3 pairs each:

| 12 frames per second (4 in brackets) | balloons | birds | water | mean |
| --- | --- | --- | --- | --- |
| no motion at all | 0.14 (0.41) | 0.12 (0.36) | 0.28 (0.89) | 0.18 (0.56) |
| TV-L1, half the weight of the data | 0.12 (0.36) | 0.12 (0.27) | 0.13 (0.81) | 0.13 (0.48) |
| TV-L1 | 0.11 (0.29) | 0.13 (0.26) | 0.11 (0.74) | 0.11 (0.43) |
| iterative Lucas-Kanade (radius 7) | 0.17 (0.49) | 0.24 (0.50) | 0.11 (0.68) | 0.17 (0.56) |

Lucas-Kanade invents motion in smooth skies. RAFT small trained on scenes (`raft-world`) beats TV-L1 on the worlds it
was trained on and loses on real clips (docs/stand_ins.md). TV-L1 only stands in for RAFT: it misses most of the motion
of fast water, and where the ground is flat, as in a sketch, motion spreads from what moves into it (`sketch`: 0.35
instead of 0.61 on the strokes, but 0.30 instead of 0.09 over all pixels).
"""

from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onereel.base.errors import ClipError, WeightsError
from onereel.video.clip import Frames
from onereel.weights.entries import Mode
from onereel.weights.store import Resolved, Weights

ROLE = "flow"

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
_STRIDE = 8  # RAFT works on an eighth of the frame's size ...
_SMALLEST = 128  # ... and needs 16 positions a side there
_UPDATES = 20  # refinements of RAFT, as in VGPNN's public code ...
_STAND_IN_UPDATES = 8  # ... and of its stand-in: trained with 5 (`onereel.standins.flow`), it drifts off after many
_CHUNK = 1 << 19  # pixels per chunk of pairs
_TOGETHER = 8  # pairs of a chunk of TV-L1 at least, for as many cores
_STEP = 64  # magnitudes are told apart in steps of 1/64 pixel: anything finer is an estimate's noise


class FlowEstimator(Protocol):
    """Estimates where pixels go from one frame to another."""

    @property
    def title(self) -> str:
        """What estimates, as records hold it: a name, with the checksum of weights where there are any."""
        ...

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Flow of pairs of frames (N, H, W, 3) uint8, N >= 1: (N, H, W, 2) float32, pixels (dx, dy) first to second."""
        ...


class ClassicalFlow:
    """TV-L1 on luma, coarse to fine; needs no weights."""

    title = "TV-L1"

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Some pairs at a time, on as many cores as numba may use; see `FlowEstimator.estimate`.

        Raises: ClipError for frames of a single row or column, in which no gradient can be taken.
        """
        height, width = first.shape[1:3]
        if min(height, width) < 2:
            raise ClipError(f"frames of {height}x{width}", "too small for optical flow", "use a larger clip")
        from onereel.features.tvl1 import tvl1  # with SciPy, which takes a moment to load

        count = max(_TOGETHER, _CHUNK // (height * width))
        chunks = [slice(at, at + count) for at in range(0, len(first), count)]
        return np.concatenate([tvl1(_grey(first[chunk]), _grey(second[chunk])) for chunk in chunks])


class RaftFlow:
    """RAFT, large or small, whichever the weights are of.

    Frames with a side below 128 px are enlarged (bicubic) and their flow is averaged back, in pixels of the frames:
    the network needs that many, and borders repeated over half a picture lead it astray (`raft-world` on `balloons` at
    72x128: end-point error 0.69 px padded, 0.10 enlarged). The rest, to multiples of 8, are border pixels, evenly on
    both sides.

    Args:
        weights: resolved weights of role ``flow``: torchvision's state dict.
        device: where to run.
        updates: refinements, >= 1; None: 20, and 8 of a stand-in.
        chunk: pixels per chunk of pairs; bounds memory, changes values only by float rounding.

    Raises: WeightsError if the tensors are not exactly those of one of the two networks.
    """

    def __init__(
        self,
        weights: Resolved,
        *,
        device: torch.device | str = "cpu",
        updates: int | None = None,
        chunk: int = _CHUNK,
    ) -> None:
        self.title, self.device = weights.printed, torch.device(device)
        self.updates, self.chunk = updates or (_STAND_IN_UPDATES if weights.stand_in else _UPDATES), chunk
        self.model = _load(weights).to(self.device)

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Some pairs at a time; see `FlowEstimator.estimate`."""
        height, width = first.shape[1:3]
        height, width = _enlarged(height, width)
        count = max(1, self.chunk // (height * width))
        starts = range(0, len(first), count)
        return np.concatenate([self._chunk(first[at : at + count], second[at : at + count]) for at in starts])

    @torch.inference_mode()
    def _chunk(self, first: Frames, second: Frames) -> np.ndarray:
        size = (first.shape[1], first.shape[2])
        height, width = _enlarged(*size)
        above, below = _padding(height)
        left, right = _padding(width)
        sides = (left, right, above, below)
        pair = [
            functional.pad(self._images(frames, (height, width)), sides, mode="replicate") for frames in (first, second)
        ]
        flow = self.model(*pair, num_flow_updates=self.updates)[-1]  # (N, 2, H', W')
        flow = flow[:, :, above : above + height, left : left + width]
        if (height, width) != size:
            units = flow.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)
            flow = functional.interpolate(flow, size, mode="area") * units
        return flow.permute(0, 2, 3, 1).cpu().numpy()

    def _images(self, frames: Frames, size: tuple[int, int]) -> torch.Tensor:
        """(N, 3, *size) float32 in [-1, 1]."""
        images = torch.from_numpy(frames).to(self.device).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        if images.shape[2:] == size:
            return images
        return functional.interpolate(images, size, mode="bicubic").clamp_(-1, 1)


def resolve_flow(
    mode: Mode = "auto", store: Weights | None = None, device: torch.device | str = "cpu"
) -> FlowEstimator:
    """The estimator that ``config/weights.yaml`` names for a mode: RAFT where its weights are present.

    Args:
        mode: ``auto``, ``real`` (only RAFT with published weights) or ``stand-in``.
        store: where weights are; the project's store by default.
        device: where RAFT runs.

    Raises: WeightsError for an unknown mode, where ``real`` weights are not here (it says which command fetches them),
        and where they are damaged.
    """
    return estimator_of((store or Weights()).resolve(ROLE, mode), device)


def estimator_of(weights: Resolved, device: torch.device | str = "cpu") -> FlowEstimator:
    """The estimator of resolved weights of role ``flow``; the classical one where there are none."""
    return ClassicalFlow() if weights.library else RaftFlow(weights, device=device)


def optical_flow(frames: Frames, *, estimator: FlowEstimator) -> np.ndarray:
    """Flow from every frame to the next.

    Args:
        frames: (T, H, W, 3) uint8, T >= 1.
        estimator: see `resolve_flow`.

    Returns: (T-1, H, W, 2) float32, pixels (dx, dy) that what is seen at a pixel of frame t moves until t+1.
    """
    if len(frames) < 2:
        return np.zeros((0, *frames.shape[1:3], 2), np.float32)
    return estimator.estimate(frames[:-1], frames[1:])


def magnitude_bins(flow: np.ndarray, bins: int) -> np.ndarray:
    """How fast every voxel moves, in levels that hold about equally many voxels of this clip.

    A voxel's level is its rank among all magnitudes; equal ones share the middle of their ranks and so their level.
    The slowest are on level 0 and, unless all are equal, the fastest on the last.

    Args:
        flow: (T-1, H, W, 2) pixels.
        bins: number of levels, 1 to 256.

    Returns: (T, H, W) uint8, 0 to bins - 1; the last frame repeats the one before; all 0 where nothing moves.
    Raises: ValueError if `bins` is out of range.
    """
    if not 1 <= bins <= 256:
        raise ValueError(f"bins is {bins}, expected 1 to 256")
    if not len(flow):
        return np.zeros((1, *flow.shape[1:3]), np.uint8)
    steps = np.rint(np.hypot(flow[..., 0], flow[..., 1]) * _STEP)
    _, which, counts = np.unique(steps, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - counts / 2
    share = (rank - rank[0]) / max(rank[-1] - rank[0], 1)
    levels = np.minimum(share * bins, bins - 1).astype(np.uint8)[which].reshape(steps.shape)
    return np.concatenate([levels, levels[-1:]])


def _grey(frames: Frames) -> np.ndarray:
    """(N, H, W) float32 luma in [0, 1] of every frame."""
    return np.stack([frame.astype(np.float32) @ _LUMA / 255 for frame in frames])


def _enlarged(height: int, width: int) -> tuple[int, int]:
    """The size at which frames are looked at: their own, or larger so that no side is below what the network needs."""
    scale = max(1.0, _SMALLEST / min(height, width))
    return round(height * scale), round(width * scale)


def _padding(side: int) -> tuple[int, int]:
    """Pixels to add before and after a side."""
    missing = -(-side // _STRIDE) * _STRIDE - side
    return missing // 2, missing - missing // 2


def _load(weights: Resolved) -> nn.Module:
    """The network that the weights are of, frozen."""
    from torchvision.models.optical_flow import raft_large, raft_small  # takes seconds to load

    tensors = weights.tensors()
    large = any(key.startswith("mask_predictor.") for key in tensors)  # the small one upsamples without
    with torch.device("meta"):  # names and shapes alone: nothing is drawn only to be overwritten
        model = (raft_large if large else raft_small)(weights=None)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if problem := _difference(expected, found):
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", f"no RAFT {'large' if large else 'small'}: {problem}", remedy)
    # Stand-ins are stored in half precision.
    model.load_state_dict(
        {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}, assign=True
    )
    return model.eval().requires_grad_(False)


def _difference(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str:
    """The first tensor by name that is missing, left over or of another shape; empty if there is none."""
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            return f"'{key}' is missing"
        if key not in expected:
            return f"'{key}' is not part of it"
        if expected[key] != found[key]:
            return f"'{key}' is {found[key]}, expected {expected[key]}"
    return ""
