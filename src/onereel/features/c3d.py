"""C3D (Tran et al. 2015): the 3D convolutions whose features SVFID compares.

Eight 3x3x3 convolutions with padding 1, each followed by ReLU: conv1a, conv2a, conv3a/b, conv4a/b, conv5a/b with 64,
128, 256, 512 and 512 channels; max pooling 1x2x2 after the first group, 2x2x2 after the second to fourth.

Checkpoints of two families load: MMAction2 (``conv1a.conv.weight``) and c3d-pytorch (``conv1.weight``), and this
project's own narrow one (``trunk.conv1a.weight``); classifier layers are dropped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from onereel.base.errors import MetricError, WeightsError
from onereel.features.seeded import load_frozen
from onereel.networks.conv3d import Conv3d
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

InputRange = Literal["mean255", "0..255", "0..1", "-1..1"]
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")
MEAN = (104.0, 117.0, 128.0)  # of the 0..255 values in RGB order, as MMAction2's config subtracts it

_GROUPS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("conv1a", 64),),
    (("conv2a", 128),),
    (("conv3a", 256), ("conv3b", 256)),
    (("conv4a", 512), ("conv4b", 512)),
    (("conv5a", 512), ("conv5b", 512)),
)
POOLS = ((1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2))
_CHUNK = 1 << 20  # input voxels per chunk: conv1 then takes about 256 MB


@dataclass(frozen=True)
class SVFIDProtocol:
    """What SVFID leaves open: HP-VAE-GAN, which proposed it, and VGPNN published neither layer nor input range.

    The default is the counterpart of SIFID's choice, the last features before the second pooling, here ``conv2``: they
    see 5 frames and 14x14 pixels, so they know motion as well as texture. The range is the one that the network was
    trained with. The size is the clip's own: a crop would hide parts, and a resize would hide the sharpness that is to
    be measured. ``benchmarks/svfid_protocol.py`` compares every choice with the published values on given samples.

    Attributes:
        layer: features after the ReLU of this group's last convolution.
        pool: whether the pooling after the group is applied too.
        input_range: ``mean255``: 0..255 minus `MEAN`; ``0..255``; ``0..1``; ``-1..1``.
        resize: (H, W) to which frames are scaled first, bicubic with antialias; None keeps their size.
    """

    layer: str = "conv2"
    pool: bool = False
    input_range: InputRange = "mean255"
    resize: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise ValueError(f"layer '{self.layer}': use one of {', '.join(LAYERS)}")
        if self.pool and self.depth == len(LAYERS):
            raise ValueError("conv5 has no pooling here: its features are the last")

    @property
    def depth(self) -> int:
        """How many groups are run, 1 to 5."""
        return LAYERS.index(self.layer) + 1

    @property
    def name(self) -> str:
        """Printed with every value."""
        size = "native" if self.resize is None else "{}x{}".format(*self.resize)
        return f"c3d-{self.layer}{'-pool' if self.pool else ''}-{self.input_range}-{size}"


class C3D(nn.Module):
    """The convolutions of C3D up to one group.

    Args:
        depth: groups, 1 to 5.
        width: factor of the numbers of channels; published weights have 1.

    Attributes:
        widths: channels after each group.
    """

    def __init__(self, depth: int = len(LAYERS), *, width: float = 1.0) -> None:
        super().__init__()
        self.depth = depth
        self.widths = tuple(round(group[-1][1] * width) for group in _GROUPS[:depth])
        channels = 3
        for group, outputs in zip(_GROUPS, self.widths, strict=False):
            for name, _ in group:
                self.add_module(name, Conv3d(channels, outputs, 3, padding=1))
                channels = outputs

    def forward(self, video: torch.Tensor, *, pool: bool = False) -> torch.Tensor:
        """(B, 3, T, H, W) in the protocol's range -> (B, C, T', H', W') after ReLU (and the last pooling)."""
        for index in range(self.depth):
            video = self.group(index, video)
            if pool or index + 1 < self.depth:
                video = functional.max_pool3d(video, POOLS[index])
        return video

    def group(self, index: int, video: torch.Tensor) -> torch.Tensor:
        """One group of convolutions, 0 to 4, each followed by ReLU."""
        for name, _ in _GROUPS[index]:
            video = functional.relu_(self.get_submodule(name)(video))
        return video


class C3DExtractor:
    """C3D features of every space-time position of a clip.

    Args:
        weights: resolved weights of role ``c3d``.
        protocol: layer, range and size.
        device: where to run.
        chunk: input voxels per chunk; bounds memory, changes values only by float rounding.
    """

    def __init__(
        self,
        weights: Resolved,
        protocol: SVFIDProtocol = SVFIDProtocol(),
        *,
        device: torch.device | str = "cpu",
        chunk: int = _CHUNK,
    ) -> None:
        self.protocol, self.device, self.chunk = protocol, torch.device(device), chunk
        self.model = _load(weights, protocol.depth).to(self.device)
        self.dimension = self.model.widths[-1]

    @torch.inference_mode()
    def features(self, frames: Frames) -> Iterator[torch.Tensor]:
        """Feature vectors (N, D) of a clip (T, H, W, 3), chunk by chunk in time.

        A chunk is run with as many frames around it as the features see, so that borders of chunks leave no trace.

        Raises: MetricError if pooling leaves no position.
        """
        stride, side, reach = _geometry(self.protocol)
        self._check_size(frames, stride, side)
        height, width = self.protocol.resize or frames.shape[1:3]
        halo = -(-reach // stride)  # in output steps
        steps = max(1, self.chunk // (height * width * stride) - 2 * halo)
        total = frames.shape[0] // stride
        for start in range(0, total, steps):
            end = min(start + steps, total)
            first, last = max(0, start - halo), end + halo
            stop = frames.shape[0] if last >= total else last * stride
            out = self.model(self._video(frames[first * stride : stop]), pool=self.protocol.pool)
            out = out[0, :, start - first : end - first]  # (C, T', H', W')
            yield out.flatten(1).T.cpu()

    def _video(self, frames: Frames) -> torch.Tensor:
        """(1, 3, T, H, W) float32 in the protocol's size and range."""
        video = torch.from_numpy(frames).to(self.device).permute(0, 3, 1, 2).to(torch.float32)  # (T, 3, H, W)
        if self.protocol.resize is not None:
            video = functional.interpolate(video, self.protocol.resize, mode="bicubic", antialias=True).clamp_(0, 255)
        match self.protocol.input_range:
            case "mean255":
                video = video - torch.tensor(MEAN, device=self.device).view(3, 1, 1)
            case "0..1":
                video = video / 255
            case "-1..1":
                video = video / 127.5 - 1
        return video.permute(1, 0, 2, 3)[None]

    def _check_size(self, frames: Frames, stride: int, side: int) -> None:
        size = (frames.shape[0], *(self.protocol.resize or frames.shape[1:3]))
        if size[0] < stride or min(size[1:]) < side:
            raise MetricError(
                f"a clip of {'x'.join(map(str, size))} (frames x height x width)",
                f"too small for C3D's {self.protocol.layer}: it needs at least {stride}x{side}x{side}",
                "use a larger clip or an earlier layer",
            )


def map_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name the convolutions of a checkpoint as `C3D` does; other layers are dropped.

    Raises: KeyError naming the first convolution that is in neither family's list.
    """
    state = {}
    for group in _GROUPS:
        for name, _ in group:
            short = name[:-1] if len(group) == 1 else name  # c3d-pytorch: conv1, conv2, conv3a, ...
            for kind in ("weight", "bias"):
                candidates = (f"{name}.conv.{kind}", f"{short}.{kind}", f"{name}.{kind}", f"trunk.{name}.{kind}")
                found = [key for key in candidates if key in tensors]
                if not found:
                    raise KeyError(f"{name}.conv.{kind}")
                state[f"{name}.{kind}"] = tensors[found[0]]
    return state


def _load(weights: Resolved, depth: int) -> C3D:
    """The first `depth` groups with their weights; stand-ins are checked whole, then cut."""
    width, state = 1.0, None
    if weights.seed is None:
        try:
            state = {key: value.float() for key, value in map_keys(weights.tensors()).items()}
        except KeyError as error:
            remedy = f"run: onereel weights verify {weights.name}"
            raise WeightsError(f"weights '{weights.name}'", f"no C3D: {error} is missing", remedy) from None
        width = state["conv1a.weight"].shape[0] / _GROUPS[0][0][1]
    whole = C3D(width=width)
    load_frozen(whole, weights, state)
    model = C3D(depth, width=width)
    model.load_state_dict({key: value for key, value in whole.state_dict().items() if key in model.state_dict()})
    return model.eval().requires_grad_(False)


def _geometry(protocol: SVFIDProtocol) -> tuple[int, int, int]:
    """Frames per output step, smallest side in pixels, and how many frames a feature sees on each side."""
    stride, side, reach = 1, 1, 0
    for index, group in enumerate(_GROUPS[: protocol.depth]):
        reach += stride * len(group)
        if protocol.pool or index + 1 < protocol.depth:
            stride *= POOLS[index][0]
            side *= POOLS[index][1]
    return stride, side, reach
