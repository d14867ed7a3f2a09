"""DPT (Ranftl et al. 2021, "Vision Transformers for Dense Prediction"): the network of MiDaS DPT-Large, at any size.

A vision transformer (timm's) is read after every quarter of its blocks. Each reading becomes a picture again: the class
token is projected into every position, then 1x1 convolution and resampling to 4, 2, 1 and 1/2 times the grid of
patches. Four fusion blocks refine from coarse to fine; a small head ends in inverse depth >= 0.

`map_keys` names the tensors of MiDaS' checkpoint as this module does. All sizes follow from the tensors (`Shape.of`):
DPT-Large is ``Shape(384, 16, 1024, 24, (256, 512, 1024, 1024), 256)``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional

_HEAD_WIDTH = 64  # channels of an attention head in ViT-L, and so in every size here
_READINGS = 4
_HEAD_CHANNELS = 32


@dataclass(frozen=True)
class Shape:
    """All that decides the architecture.

    Attributes:
        image: side in pixels of the square images of training; others are taken by resampling position embeddings.
        patch: side of a patch in pixels.
        width: channels of a token, a multiple of 64.
        depth: transformer blocks, a multiple of 4.
        channels: of the four readings, fine to coarse.
        features: channels of the fusion blocks.
    """

    image: int
    patch: int
    width: int
    depth: int
    channels: tuple[int, int, int, int]
    features: int

    @staticmethod
    def of(state: Mapping[str, torch.Tensor]) -> "Shape":
        """The shape of a state dict of `DPT`.

        Raises: KeyError naming a tensor that is missing.
        """
        patch = state["backbone.patch_embed.proj.weight"].shape[-1]
        side = round((state["backbone.pos_embed"].shape[1] - 1) ** 0.5)
        blocks = {key.split(".")[2] for key in state if key.startswith("backbone.blocks.")}
        sizes = [state[f"reassemble.{index}.project.weight"].shape[0] for index in range(_READINGS)]
        width = state["backbone.cls_token"].shape[-1]
        features = state["narrow.0.weight"].shape[0]
        return Shape(side * patch, patch, width, len(blocks), (sizes[0], sizes[1], sizes[2], sizes[3]), features)

    @property
    def multiple(self) -> int:
        """What the sides of an image must be a multiple of: the coarsest reading halves the grid."""
        return 2 * self.patch


class DPT(nn.Module):
    """Images to inverse depth.

    Args:
        shape: see `Shape`.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = VisionTransformer(
            img_size=shape.image,
            patch_size=shape.patch,
            embed_dim=shape.width,
            depth=shape.depth,
            num_heads=shape.width // _HEAD_WIDTH,
            num_classes=0,
        )
        self.reassemble = nn.ModuleList(
            _Reassemble(shape.width, channels, scale)
            for channels, scale in zip(shape.channels, (4.0, 2.0, 1.0, 0.5), strict=True)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(channels, shape.features, 3, padding=1, bias=False) for channels in shape.channels
        )
        self.fuse = nn.ModuleList(_Fusion(shape.features) for _ in range(_READINGS))
        self.head = nn.ModuleList(
            (
                nn.Conv2d(shape.features, shape.features // 2, 3, padding=1),
                nn.Conv2d(shape.features // 2, _HEAD_CHANNELS, 3, padding=1),
                nn.Conv2d(_HEAD_CHANNELS, 1, 1),
            )
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) in [-1, 1], sides multiples of `Shape.multiple` -> (N, H, W) inverse depth, >= 0."""
        readings = self._read(images)
        coarse = self.fuse[-1](readings[-1])
        for fuse, reading in zip(reversed(self.fuse[:-1]), reversed(readings[:-1]), strict=True):
            coarse = fuse(coarse, reading)
        # With patches of 16 this doubles the size, as in MiDaS.
        fine = functional.interpolate(self.head[0](coarse), images.shape[2:], mode="bilinear", align_corners=True)
        return functional.relu(self.head[2](functional.relu(self.head[1](fine))))[:, 0]

    def _read(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The four readings as pictures of `features` channels, fine to coarse."""
        vit, grid = self.backbone, (images.shape[2] // self.shape.patch, images.shape[3] // self.shape.patch)
        tokens = vit.patch_embed.proj(images).flatten(2).transpose(1, 2)
        assert vit.cls_token is not None
        tokens = torch.cat([vit.cls_token.expand(len(images), -1, -1), tokens], 1) + self._positions(grid)
        readings: list[torch.Tensor] = []
        for index, block in enumerate(vit.blocks, 1):
            tokens = block(tokens)
            if index % (self.shape.depth // _READINGS) == 0:
                number = len(readings)
                readings.append(self.narrow[number](self.reassemble[number](tokens, grid)))
        return readings

    def _positions(self, grid: tuple[int, int]) -> torch.Tensor:
        """Position embeddings on another grid, resampled as MiDaS does: bilinear, not timm's bicubic."""
        own = self.shape.image // self.shape.patch
        embedding = self.backbone.pos_embed
        assert embedding is not None
        if grid == (own, own):
            return embedding
        square = embedding[:, 1:].reshape(1, own, own, -1).permute(0, 3, 1, 2)
        resampled = functional.interpolate(square, grid, mode="bilinear").flatten(2).transpose(1, 2)
        return torch.cat([embedding[:, :1], resampled], 1)


class _Reassemble(nn.Module):
    """Tokens to a picture."""

    def __init__(self, width: int, channels: int, scale: float) -> None:
        super().__init__()
        self.readout = nn.Linear(2 * width, width)
        self.project = nn.Conv2d(width, channels, 1)
        if scale > 1:
            side = int(scale)
            self.resample: nn.Module = nn.ConvTranspose2d(channels, channels, side, stride=side)
        else:
            self.resample = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if scale < 1 else nn.Identity()

    def forward(self, tokens: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """(N, 1 + h * w, width) -> (N, channels, scale * h, scale * w)."""
        patches, readout = tokens[:, 1:], tokens[:, :1].expand(-1, tokens.shape[1] - 1, -1)
        mixed = functional.gelu(self.readout(torch.cat([patches, readout], -1)))
        return self.resample(self.project(mixed.transpose(1, 2).unflatten(2, grid)))


class _Fusion(nn.Module):
    """Adds a finer reading, refines, doubles the size."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.unit1, self.unit2 = _Residual(features), _Residual(features)
        self.project = nn.Conv2d(features, features, 1)

    def forward(self, coarse: torch.Tensor, reading: torch.Tensor | None = None) -> torch.Tensor:
        """(N, C, h, w) -> (N, C, 2h, 2w)."""
        if reading is not None:
            coarse = coarse + self.unit1(reading)
        return self.project(_twice(self.unit2(coarse)))


class _Residual(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.conv2(functional.relu(self.conv1(functional.relu(image))))


def _twice(image: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True)


_RENAMED = (
    (r"pretrained\.model\.(?!head\.)(.+)", r"backbone.\1"),
    (r"pretrained\.act_postprocess(\d)\.0\.project\.0\.(.+)", r"reassemble.#\1.readout.\2"),
    (r"pretrained\.act_postprocess(\d)\.3\.(.+)", r"reassemble.#\1.project.\2"),
    (r"pretrained\.act_postprocess(\d)\.4\.(.+)", r"reassemble.#\1.resample.\2"),
    (r"scratch\.layer(\d)_rn\.(.+)", r"narrow.#\1.\2"),
    (r"scratch\.refinenet(\d)\.resConfUnit([12])\.(.+)", r"fuse.#\1.unit\2.\3"),
    (r"scratch\.refinenet(\d)\.out_conv\.(.+)", r"fuse.#\1.project.\2"),
    (r"scratch\.output_conv\.0\.(.+)", r"head.0.\1"),
    (r"scratch\.output_conv\.2\.(.+)", r"head.1.\1"),
    (r"scratch\.output_conv\.4\.(.+)", r"head.2.\1"),
)
_DROPPED = r"pretrained\.model\.head\..+"  # the transformer's classifier of ImageNet


def map_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name the tensors of MiDaS' checkpoint as `DPT` does; tensors that have those names already stay.

    Raises: KeyError naming a tensor that belongs nowhere.
    """
    own = ("backbone.", "reassemble.", "narrow.", "fuse.", "head.")
    return {
        key if key.startswith(own) else _renamed(key): value
        for key, value in tensors.items()
        if not re.fullmatch(_DROPPED, key)
    }


def _renamed(key: str) -> str:
    for pattern, name in _RENAMED:
        if match := re.fullmatch(pattern, key):
            # The checkpoint counts from 1.
            return re.sub(r"#(\d)", lambda number: str(int(number[1]) - 1), match.expand(name))
    raise KeyError(key)
