"""The first layers of Inception v3 (Szegedy et al. 2016), whose features SGFID compares.

Two depths: 192 channels after ``Conv2d_4a_3x3``, just before the second max pooling, as SIFID and SGFID are defined
(SinGAN-GIF, Sec. 4.2), and 64 channels after ``Conv2d_2b_3x3``, just before the first, which circulates in public SIFID
code under the same name. Input [0, 1] is scaled to [-1, 1]; frames keep their size; convolutions have no padding, so
144x256 gives 32x60 positions a frame at 192 channels and 69x125 at 64.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from onereel.base.errors import MetricError, WeightsError
from onereel.features.seeded import load_frozen
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

Dimension = Literal[64, 192]

_LAYERS = {  # name: (channels in, channels out, kernel, stride, padding)
    "Conv2d_1a_3x3": (3, 32, 3, 2, 0),
    "Conv2d_2a_3x3": (32, 32, 3, 1, 0),
    "Conv2d_2b_3x3": (32, 64, 3, 1, 1),
    "Conv2d_3b_1x1": (64, 80, 1, 1, 0),
    "Conv2d_4a_3x3": (80, 192, 3, 1, 0),
}
_LAST = {64: "Conv2d_2b_3x3", 192: "Conv2d_4a_3x3"}
_POOL_AFTER = "Conv2d_2b_3x3"
_SMALLEST = {64: 7, 192: 19}  # pixels a side that leave one position
_CHUNK = 1 << 20  # pixels per chunk


class BasicConv(nn.Module):
    """Convolution without bias, batch normalisation, ReLU; named as in torchvision's checkpoint."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return functional.relu_(self.bn(self.conv(images)))


class InceptionTrunk(nn.Module):
    """Inception v3 up to ``Conv2d_4a_3x3``."""

    def __init__(self) -> None:
        super().__init__()
        for name, settings in _LAYERS.items():
            self.add_module(name, BasicConv(*settings))

    def forward(self, images: torch.Tensor, *, dimension: Dimension = 192) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, dimension, H', W')."""
        for name in _LAYERS:
            images = self.get_submodule(name)(images)
            if name == _LAST[dimension]:
                break
            if name == _POOL_AFTER:
                images = functional.max_pool2d(images, 3, stride=2)
        return images


class InceptionExtractor:
    """Inception features of every position of every frame.

    Args:
        weights: resolved weights of role ``inception``.
        dimension: 192 or 64 channels.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.
    """

    def __init__(
        self,
        weights: Resolved,
        dimension: Dimension = 192,
        *,
        device: torch.device | str = "cpu",
        chunk: int = _CHUNK,
    ) -> None:
        self.dimension: Dimension = dimension
        self.device, self.chunk = torch.device(device), chunk
        self.model = _load(weights).to(self.device)

    @torch.inference_mode()
    def features(self, frames: Frames) -> Iterator[torch.Tensor]:
        """Feature vectors (N, D) of a clip (T, H, W, 3), some frames at a time.

        Raises: MetricError if the frames are too small for one position.
        """
        height, width = frames.shape[1:3]
        smallest = _SMALLEST[self.dimension]
        if min(height, width) < smallest:
            raise MetricError(
                f"frames of {height}x{width}",
                f"too small for Inception's {self.dimension}-d features: a side needs {smallest} pixels",
                "use a larger clip",
            )
        count = max(1, self.chunk // (height * width))
        for start in range(0, len(frames), count):
            images = torch.from_numpy(frames[start : start + count]).to(self.device).permute(0, 3, 1, 2)
            out = self.model(images.to(torch.float32) / 127.5 - 1, dimension=self.dimension)  # (B, D, H', W')
            yield out.permute(0, 2, 3, 1).reshape(-1, self.dimension).cpu()


def map_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The trunk's part of torchvision's state dict, whose names are the same, or of this project's (``trunk.``).

    Raises: KeyError naming the first tensor that is missing.
    """
    tensors = {key.removeprefix("trunk."): value for key, value in tensors.items()}
    return {key: tensors[key] for key in InceptionTrunk().state_dict() if _needed(key, tensors)}


def _needed(key: str, tensors: Mapping[str, torch.Tensor]) -> bool:
    # Checkpoints from before PyTorch 0.4.1 do not count batches; evaluation does not use the count.
    return key in tensors or not key.endswith("num_batches_tracked")


def _load(weights: Resolved) -> nn.Module:
    model = InceptionTrunk()
    if weights.seed is not None:
        return load_frozen(model, weights)
    try:
        state = {key: value.float() for key, value in map_keys(weights.tensors()).items()}
    except KeyError as error:
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", f"no Inception v3: {error} is missing", remedy) from None
    counts = {key: value for key, value in model.state_dict().items() if key.endswith("num_batches_tracked")}
    return load_frozen(model, weights, {**counts, **state})
