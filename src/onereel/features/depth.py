"""Depth of every frame, by MiDaS DPT (Ranftl et al. 2020, 2021), as Gen-1 represents structure (Sec. 3.3).

Frames are scaled as MiDaS' own transform does for DPT: as little as possible so that one side is the network's (384 px
for DPT-Large), sides rounded to what the network takes, bicubic; values to [-1, 1]. What comes out is inverse depth up
to an unknown scale and shift, at the frame's own size again. `normalised` makes it a signal for a clip: 0 the farthest,
1 the nearest point, one scale for all frames, so that it does not flicker.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.features.dpt import DPT, Shape, map_keys
from onereel.features.images import CHUNK, chunks, images_of
from onereel.features.seeded import load_frozen
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "depth"


class DepthEstimator:
    """DPT with resolved weights of role ``depth``.

    Args:
        weights: real or stand-in; the network's size follows from them.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.

    Raises: WeightsError if the tensors are not those of a DPT.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu", chunk: int = CHUNK) -> None:
        self.title, self.device, self.chunk = weights.printed, torch.device(device), chunk
        self.model = _load(weights).to(self.device)

    @torch.inference_mode()
    def estimate(self, frames: Frames) -> np.ndarray:
        """Inverse depth of frames (T, H, W, 3) uint8: (T, H, W) float32, >= 0, larger is nearer, scale unknown."""
        shape = self.model.shape
        size = network_size(frames.shape[1], frames.shape[2], shape.image, shape.multiple)
        parts = [self._part(part, size) for part in chunks(frames, size[0] * size[1], self.chunk)]
        return np.concatenate(parts)

    def _part(self, frames: Frames, size: tuple[int, int]) -> np.ndarray:
        found = self.model(images_of(frames, self.device, size) * 2 - 1)
        if size != frames.shape[1:3]:
            found = functional.interpolate(found[:, None], frames.shape[1:3], mode="bicubic")[:, 0].clamp_(min=0)
        return found.cpu().numpy()


def network_size(height: int, width: int, side: int, multiple: int) -> tuple[int, int]:
    """Size at which the network sees a frame: MiDaS' ``Resize(resize_method="minimal", keep_aspect_ratio=True)``.

    Args:
        height, width: of the frame, pixels.
        side: the network's own, pixels.
        multiple: what sides must be multiples of.
    """
    scale = min(side / height, side / width, key=lambda factor: abs(1 - factor))
    rounded = [max(multiple, round(scale * length / multiple) * multiple) for length in (height, width)]
    return rounded[0], rounded[1]


def normalised(inverse_depth: np.ndarray) -> np.ndarray:
    """Inverse depth (T, H, W) scaled to [0, 1] over the whole clip; zeros where all is equally far."""
    low, high = float(inverse_depth.min()), float(inverse_depth.max())
    if high <= low:
        return np.zeros_like(inverse_depth)
    return ((inverse_depth - low) / (high - low)).astype(np.float32)


def _load(weights: Resolved) -> DPT:
    try:
        state = map_keys(weights.tensors())
        shape = Shape.of(state)
    except KeyError as error:
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", f"no DPT: look at tensor {error}", remedy) from None
    with torch.device("meta"):  # shapes alone: nothing is drawn only to be overwritten
        model = DPT(shape)
    model.to_empty(device="cpu")
    loaded: nn.Module = load_frozen(model, weights, {key: value.float() for key, value in state.items()})
    assert isinstance(loaded, DPT)
    return loaded
