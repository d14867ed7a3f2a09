"""Classifiers of worlds: which attributes of the scene `world` a video, or a picture, shows.

They are what `c3d-world` and `inception-world` were trained as: the networks that metrics take features of, with the
layers on top that features do not need.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onereel.features import c3d
from onereel.features.inception import InceptionTrunk
from onereel.features.seeded import load_frozen
from onereel.networks.conv3d import Conv3d
from onereel.scenes.world import CLASSES
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

OF_VIDEOS = ("setting", "weather", "style", "kind", "size", "camera", "direction", "speed")
"""Attributes that `C3DClassifier` tells, in the order of its outputs."""
OF_PICTURES = ("setting", "time", "weather", "style", "kind", "colour", "count", "size")
"""Attributes that `InceptionClassifier` tells."""
_WIDTH = 0.25
_CLIPS, _PICTURES = 16, 128  # at a time


def widths(attributes: Sequence[str]) -> dict[str, int]:
    """How many classes each attribute has."""
    return {attribute: len(CLASSES[attribute]) for attribute in attributes}


class C3DClassifier(nn.Module):
    """C3D's convolutions, mean over positions, one linear layer; named as `onereel.features.c3d` names its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = c3d.C3D(width=_WIDTH)
        channels = self.trunk.widths[-1]
        self.head = nn.Linear(channels * 2, sum(widths(OF_VIDEOS).values()))
        for module in self.trunk.modules():
            if isinstance(module, Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(N, 3, T, H, W) -> (N, classes)."""
        last = len(c3d.POOLS)
        for index in range(last):
            video = functional.max_pool3d(self.trunk.group(index, video), c3d.POOLS[index])
        # In float32, as the shipped weights were trained (before `Conv3d` made bfloat16 sound for so few positions).
        with torch.autocast(video.device.type, enabled=False):
            features = self.trunk.group(last, video.float())
        return self.head(torch.cat([features.mean((2, 3, 4)), features.amax((2, 3, 4))], 1))


class InceptionClassifier(nn.Module):
    """The trunk that `onereel.features.inception` loads, and what makes a classifier of it."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = InceptionTrunk()
        self.head = nn.Sequential(
            nn.Conv2d(192, 128, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(inplace=True),
            nn.Conv2d(128, 192, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(192),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Linear(2 * 192, sum(widths(OF_PICTURES).values()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) in [-1, 1] -> (N, classes)."""
        features = self.head(self.trunk(images))
        return self.classifier(torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1))


def prepared_videos(frames: Frames, device: torch.device) -> torch.Tensor:
    """(N, T, H, W, 3) uint8 -> (N, 3, T, H, W) as `mean255`, the range that SVFID's protocol feeds."""
    video = torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 4, 1, 2, 3).float()
    return video - torch.tensor(c3d.MEAN, device=device).view(3, 1, 1, 1)


def prepared_pictures(frames: Frames, device: torch.device) -> torch.Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


class PictureReader:
    """Reads attributes off pictures of one group of things.

    Args:
        weights: of `InceptionClassifier`.
        device: where to run.

    Raises: WeightsError if the tensors are not its.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._network = _loaded(InceptionClassifier(), weights).to(self.device)

    @torch.inference_mode()
    def logits(self, pictures: Frames) -> torch.Tensor:
        """(N, H, W, 3) uint8 -> (N, classes)."""
        starts = range(0, len(pictures), _PICTURES)
        return torch.cat(
            [self._network(prepared_pictures(pictures[at : at + _PICTURES], self.device)) for at in starts]
        )

    def read(self, pictures: Frames) -> dict[str, np.ndarray]:
        """(N, H, W, 3) uint8 -> (N,) int64 into `CLASSES` by attribute, for those of `OF_PICTURES`."""
        return _choices(self.logits(pictures)[:, None], OF_PICTURES)


class WorldReader:
    """Reads attributes off videos of one group of things, many videos at once.

    Args:
        videos: weights of `C3DClassifier`.
        pictures: weights of `InceptionClassifier`; it sees every second frame, whose log-probabilities are averaged.
        device: where to run.

    Raises: WeightsError if the tensors are not theirs.
    """

    def __init__(self, videos: Resolved, pictures: Resolved, *, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.titles = (videos.printed, pictures.printed)
        self._videos = _loaded(C3DClassifier(), videos).to(self.device)
        self._pictures = PictureReader(pictures, device=device)

    @torch.inference_mode()
    def read(self, videos: Sequence[Frames]) -> dict[str, np.ndarray]:
        """What videos show; what both networks tell, pictures tell.

        Args:
            videos: N clips (T, H, W, 3) uint8 of one shape; the networks know 16 frames of 64x64, 8 per second.

        Returns: (N,) int64 into `CLASSES` by attribute, for all attributes.
        """
        clips = np.stack(videos)
        moving = [
            self._videos(prepared_videos(clips[at : at + _CLIPS], self.device)) for at in range(0, len(clips), _CLIPS)
        ]
        seen = clips[:, ::2]
        shown = self._pictures.logits(seen.reshape(-1, *seen.shape[2:])).reshape(*seen.shape[:2], -1)
        told = _choices(torch.cat(moving)[:, None], OF_VIDEOS) | _choices(shown, OF_PICTURES)
        return {attribute: told[attribute] for attribute in CLASSES}


def _choices(logits: torch.Tensor, attributes: Sequence[str]) -> dict[str, np.ndarray]:
    """(N, frames, classes) -> (N,) by attribute."""
    parts = logits.float().split(list(widths(attributes).values()), dim=2)
    return {
        attribute: part.log_softmax(2).mean(1).argmax(1).cpu().numpy()
        for attribute, part in zip(attributes, parts, strict=True)
    }


def _loaded(network: nn.Module, weights: Resolved) -> nn.Module:
    tensors: Mapping[str, torch.Tensor] = weights.tensors()
    return load_frozen(network, weights, {key: value.float() for key, value in tensors.items()})
