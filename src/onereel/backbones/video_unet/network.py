"""An image U-Net of diffusers that sees time: temporal layers beside its own, which stay as they are.

The image model is a whole ``UNet2DConditionModel``, with its own names: published files load into it, and what it says
of frames without the temporal layers is what it says of pictures. The temporal layers lie beside it and are run after
the layers that they follow (section 3.2): one convolution after each of the two convolutions of every residual block, a
transformer after every spatial transformer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from onereel.backbones.latent import Condition, new_unet, predicted
from onereel.backbones.video_unet.layers import TemporalConvolution, TemporalTransformer
from onereel.features.seeded import load_frozen
from onereel.weights.store import Resolved


@dataclass
class _Batch:
    """What temporal layers must know of the batch that goes through the network.

    Attributes:
        frames: T.
        pictures: how many of its first samples are frames that know nothing of each other.
        videos: how many there are after them.
    """

    frames: int = 1
    pictures: int = 0
    videos: int = 0


class _After:
    """Runs a temporal layer on what another layer gives: a forward hook."""

    def __init__(self, layer: nn.Module, batch: _Batch) -> None:
        self.layer, self.batch = layer, batch

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        if not self.batch.videos:
            return output
        if isinstance(output, Tensor):
            return self._moved(output)
        return (self._moved(output[0]), *output[1:])  # of a transformer

    def _moved(self, values: Tensor) -> Tensor:
        frames, pictures = self.batch.frames, self.batch.pictures * self.batch.frames
        if not pictures:
            moved: Tensor = self.layer(values, frames)
            return moved
        return torch.cat([values[:pictures], self.layer(values[pictures:], frames).to(values.dtype)])


class VideoUNet(nn.Module):
    """Says what the process's prediction type asks for, of noisy videos.

    Args:
        unet: diffusers' ``UNet2DConditionModel``; it is taken over.
        frames: of the longest video that it can see at once.

    Attributes:
        unet: the image model.
        temporal: the layers over time, by the name of the layer that each comes after, with ``-`` for dots.
        frames: as given.
    """

    def __init__(self, unet: Any, frames: int) -> None:
        super().__init__()
        from diffusers.models.resnet import ResnetBlock2D
        from diffusers.models.transformers.transformer_2d import Transformer2DModel

        self.unet, self.frames = unet, frames
        self.temporal = nn.ModuleDict()
        self._batch = _Batch()
        for name, module in list(unet.named_modules()):
            if isinstance(module, ResnetBlock2D):
                for own in ("conv1", "conv2"):
                    convolution = getattr(module, own)
                    self._follow(f"{name}.{own}", convolution, TemporalConvolution(convolution.out_channels))
            elif isinstance(module, Transformer2DModel):
                self._follow(name, module, TemporalTransformer(module, frames))

    def _follow(self, name: str, module: nn.Module, layer: nn.Module) -> None:
        self.temporal[name.replace(".", "-")] = layer
        module.register_forward_hook(_After(layer, self._batch))

    @property
    def in_channels(self) -> int:
        """Of the input: of the noisy latents, and of what is concatenated with them."""
        return int(self.unet.config.in_channels)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        states: Tensor,
        *,
        mask: Tensor | None = None,
        video: bool | Sequence[bool] = True,
    ) -> Tensor:
        """What the network predicts.

        Args:
            sample: (B, C, T, H, W), noisy latents, and after them what is concatenated with them.
            timestep: (B,), or one for all.
            states: (B, L, D), for cross-attention.
            mask: (B, L) bool, false where a text has ended; None: all count.
            video: False takes the frames as pictures that know nothing of each other: temporal layers are left out.
                One for all, or one for each sample, then those without time come first.

        Returns: (B, 4, T, H, W).
        Raises: ValueError for more frames than it can see, or samples with time before ones without.
        """
        count, _, frames = sample.shape[:3]
        moving = [video] * count if isinstance(video, bool) else list(video)
        pictures = moving.count(False)
        if any(moving[:pictures]):
            raise ValueError("samples without time come first")
        if any(moving) and frames > self.frames:
            raise ValueError(f"{frames} frames, the temporal layers tell {self.frames} apart")
        self._batch.frames, self._batch.pictures, self._batch.videos = frames, pictures, count - pictures
        times = torch.as_tensor(timestep, device=sample.device).expand(count).repeat_interleave(frames)
        condition = Condition(
            states.repeat_interleave(frames, 0), None if mask is None else mask.repeat_interleave(frames, 0)
        )
        pictured = predicted(self.unet, sample.transpose(1, 2).flatten(0, 1), times, condition)
        return pictured.unflatten(0, (count, frames)).transpose(1, 2)

    def set_attn_processor(self, processor: Any) -> None:
        """How every attention is computed, over space and time: see diffusers."""
        from diffusers.models.attention_processor import Attention

        for module in self.modules():
            if isinstance(module, Attention):
                module.set_processor(processor)


def new_video_unet(config: Mapping[str, Any], *, in_channels: int, frames: int) -> VideoUNet:
    """An untrained one.

    Args:
        config: of ``UNet2DConditionModel``.
        in_channels: of the input.
        frames: of the longest video that it can see at once.
    """
    return VideoUNet(new_unet({**config, "in_channels": in_channels}), frames)


def load_video_unet(weights: Resolved, part: str, config: Mapping[str, Any]) -> VideoUNet:
    """A frozen one; the width of its input and the frames that it can see follow from the tensors.

    Args:
        weights: an entry with that part.
        part: of the entry.
        config: of ``UNet2DConditionModel``.

    Raises: WeightsError if the part is missing, or its tensors are not those of the network.
    """
    from onereel.base.errors import WeightsError

    state = {name: value.float() for name, value in weights.tensors(part).items()}
    entrance = state.get("unet.conv_in.weight")
    positions = [value for name, value in state.items() if name.endswith(".position")]
    if entrance is None or not positions:
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", f"part '{part}' is no image model with time", remedy)
    network = new_video_unet(config, in_channels=entrance.shape[1], frames=len(positions[0]))
    return load_frozen(network, weights, state)  # type: ignore[return-value]


def widened(unet: Any, in_channels: int) -> Any:
    """Give an image model an input of more channels; it says the same as before, whatever stands in the new ones.

    Args:
        unet: diffusers' ``UNet2DConditionModel``; it is changed.
        in_channels: at least as many as it has.

    Returns: the same.
    """
    old = unet.conv_in
    new = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, padding=old.padding)
    new = new.to(old.weight.device, old.weight.dtype)
    assert new.bias is not None
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        new.bias.copy_(old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=in_channels)
    return unet
