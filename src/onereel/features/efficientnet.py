"""The first stages of EfficientNet-lite0 (Tan and Le 2019), trained on ImageNet.

Lite: ReLU6 for swish, no squeeze-and-excitation. Features are the 40 channels that the third stage leaves at an eighth
of the size: the last block's sum, which has no activation. Input [0, 1] is scaled to [-1, 1]; frames keep their size;
convolutions pad as TensorFlow's "SAME" does, so 144x256 gives 18x32 positions. Written here and not taken from timm,
whose import takes seconds; a test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.features.seeded import load_frozen
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

_STEM = 32
_EPSILON = 1e-3  # of batch normalisation, as TensorFlow's checkpoint was trained
_CHUNK = 1 << 20  # pixels per chunk


@dataclass(frozen=True)
class _Block:
    inputs: int
    outputs: int
    kernel: int
    stride: int
    expand: int


_BLOCKS = (
    _Block(_STEM, 16, 3, 1, 1),
    _Block(16, 24, 3, 2, 6),
    _Block(24, 24, 3, 1, 6),
    _Block(24, 40, 5, 2, 6),
    _Block(40, 40, 5, 1, 6),
)  # of three stages


class SameConv(nn.Conv2d):
    """Convolution without bias whose padding makes the output's size ceil(size / stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        over = [max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in images.shape[:1:-1]]
        return super().forward(functional.pad(images, [side for o in over for side in (o // 2, o - o // 2)]))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; named as in the published checkpoint."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        inner = block.inputs * block.expand
        self.adds = block.stride == 1 and block.inputs == block.outputs
        self.expands = block.expand > 1
        if self.expands:
            self._expand_conv = SameConv(block.inputs, inner, 1)
            self._bn0 = nn.BatchNorm2d(inner, eps=_EPSILON)
        self._depthwise_conv = SameConv(inner, inner, block.kernel, block.stride, groups=inner)
        self._bn1 = nn.BatchNorm2d(inner, eps=_EPSILON)
        self._project_conv = SameConv(inner, block.outputs, 1)
        self._bn2 = nn.BatchNorm2d(block.outputs, eps=_EPSILON)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        found = functional.relu6(self._bn0(self._expand_conv(images))) if self.expands else images
        found = functional.relu6(self._bn1(self._depthwise_conv(found)))
        found = self._bn2(self._project_conv(found))
        return found + images if self.adds else found


class EfficientNetTrunk(nn.Module):
    """EfficientNet-lite0 up to its third stage."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, _STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        self._blocks = nn.ModuleList(map(InvertedResidual, _BLOCKS))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 40, H / 8, W / 8), sizes rounded up."""
        images = functional.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            images = block(images)
        return images


class EfficientNetExtractor:
    """EfficientNet features of every position of every frame.

    Args:
        weights: the published checkpoint.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.
    """

    dimension = _BLOCKS[-1].outputs

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu", chunk: int = _CHUNK) -> None:
        self.device, self.chunk = torch.device(device), chunk
        self.model = load_frozen(EfficientNetTrunk(), weights, _needed(weights)).to(self.device)

    @torch.inference_mode()
    def features(self, frames: Frames) -> Iterator[torch.Tensor]:
        """Feature vectors (N, 40) of a clip (T, H, W, 3), some frames at a time."""
        count = max(1, self.chunk // (frames.shape[1] * frames.shape[2]))
        for start in range(0, len(frames), count):
            images = torch.from_numpy(frames[start : start + count]).to(self.device).permute(0, 3, 1, 2)
            out = self.model(images.to(torch.float32) / 127.5 - 1)  # (B, 40, H', W')
            yield out.permute(0, 2, 3, 1).reshape(-1, self.dimension).cpu()


def _needed(weights: Resolved) -> dict[str, torch.Tensor]:
    """The trunk's part of the checkpoint.

    Raises: WeightsError naming the first tensor that is missing.
    """
    tensors = weights.tensors()
    try:
        return {key: tensors[key] for key in EfficientNetTrunk().state_dict()}
    except KeyError as error:
        problem = f"no EfficientNet-lite0: {error} is missing"
        raise WeightsError(f"weights '{weights.name}'", problem, "install requirements.txt again") from None
