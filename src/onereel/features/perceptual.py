"""LPIPS v0.1 (Zhang et al. 2018): how far apart two pictures look, by features of a network that knows pictures.

Features of five layers, each position of length 1 over the channels; their squared differences are weighted by what
was learnt from people's choices (the `lin` layers), averaged over positions and added up. The trunks are torchvision's
AlexNet and VGG-16 with ImageNet weights; two variants that do not compare with each other. [-1, 1], native size.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from onereel.base.errors import WeightsError
from onereel.features.images import CHUNK, chunks
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "perceptual-distance"
Trunk: TypeAlias = Literal["alex", "vgg"]
_PARTS: Mapping[Trunk, str] = {"alex": "alexnet", "vgg": "vgg16"}  # entry's part with the trunk; torchvision's name too
_TAKEN: Mapping[Trunk, tuple[int, ...]] = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}  # ReLUs, in `features`
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of ImageNet, for [-1, 1]
_SMALLEST: Mapping[Trunk, int] = {"alex": 32, "vgg": 16}  # pixels a side that leave one position in the last layer


class PerceptualDistance:
    """LPIPS with resolved weights of role ``perceptual-distance``.

    Args:
        weights: parts ``alex`` or ``vgg`` (learnt layers) and ``alexnet`` or ``vgg16`` (trunk).
        trunk: which of the two.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.

    Raises: WeightsError if a weight has no place in the network, or a place no weight.
    """

    def __init__(
        self, weights: Resolved, trunk: Trunk = "alex", *, device: torch.device | str = "cpu", chunk: int = CHUNK
    ) -> None:
        self.title, self.device, self.chunk, self.trunk = weights.printed, torch.device(device), chunk, trunk
        self.smallest = _SMALLEST[trunk]
        self._features = _trunk(weights, trunk).to(self.device)
        self._lins = [weight.to(self.device) for weight in _learnt(weights, trunk)]

    @torch.inference_mode()
    def distances(self, first: Frames, second: Frames) -> Tensor:
        """LPIPS of pairs of frames (T, H, W, 3) uint8: (T,) float32, >= 0, 0 for equal ones."""
        pixels = first.shape[1] * first.shape[2]
        pairs = zip(chunks(first, pixels, self.chunk), chunks(second, pixels, self.chunk), strict=True)
        return torch.cat([self._distances(one, other) for one, other in pairs]).cpu()

    def _distances(self, first: Frames, second: Frames) -> Tensor:
        total = torch.zeros(len(first), device=self.device)
        for one, other, weight in zip(self._layers(first), self._layers(second), self._lins, strict=True):
            total += ((one - other).square() * weight).sum(1).mean((1, 2))
        return total

    def _layers(self, frames: Frames) -> list[Tensor]:
        """Features of the five layers, every position of length 1."""
        images = torch.from_numpy(frames).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        shift, scale = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in (_SHIFT, _SCALE))
        found, values = [], (images - shift) / scale
        for index, layer in enumerate(self._features):
            values = layer(values)
            if index in _TAKEN[self.trunk]:
                found.append(values / (values.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found


def _trunk(weights: Resolved, trunk: Trunk) -> nn.Sequential:
    """The convolutions of torchvision's network; what classifies is not needed."""
    from torchvision import models  # seconds of imports

    part = _PARTS[trunk]
    with torch.device("meta"):
        features: nn.Sequential = getattr(models, part)(weights=None).features
    features.to_empty(device="cpu")
    state = {key: value for key, value in weights.tensors(part).items() if not key.startswith("classifier.")}
    try:
        features.load_state_dict({key.removeprefix("features."): value.float() for key, value in state.items()})
    except RuntimeError as error:
        problem = f"no trunk of torchvision's {part} ({str(error).strip().splitlines()[-1].strip()})"
        raise WeightsError(f"weights '{weights.name}'", problem, _again(weights)) from None
    for layer in features:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # a layer's features are kept
    return features[: _TAKEN[trunk][-1] + 1].eval().requires_grad_(False)


def _learnt(weights: Resolved, trunk: Trunk) -> list[Tensor]:
    """(1, C, 1, 1) weights of the five layers."""
    tensors = weights.tensors(trunk)
    names = [f"lin{index}.model.1.weight" for index in range(len(_TAKEN[trunk]))]
    if sorted(tensors) != names:
        problem = f"part '{trunk}' holds {', '.join(sorted(tensors)[:3])}, not {names[0]} to {names[-1]}"
        raise WeightsError(f"weights '{weights.name}'", problem, _again(weights))
    return [tensors[name].float() for name in names]


def _again(weights: Resolved) -> str:
    return f"run: onereel weights fetch {weights.name} --again"
