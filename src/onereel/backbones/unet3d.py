"""ModelScope's text-to-video and Zeroscope: diffusers' ``UNet3DConditionModel`` on Stable Diffusion's latents
(Wang et al. 2023, "ModelScope Text-to-Video Technical Report").

Of pictures the network sees no time: temporal convolutions, temporal attention and ``transformer_in`` are left out, as
in its own training; one-frame videos would still pass the centre of every temporal convolution, and masked attention
would still normalise over all frames.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from onereel.backbones.text import PromptEncoder, Text, clip
from onereel.backbones.text_to_video import DiffusedTextToVideo, frame_by_frame, parameters_dtype, spread


class UNet3D(DiffusedTextToVideo):
    """The 3D U-Net with its CLIP text encoder and autoencoder."""

    network_folder: ClassVar[str] = "unet"

    @classmethod
    def encoder_of(cls, tokenizer: Any, network: Any) -> PromptEncoder:
        """CLIP."""
        return clip(tokenizer, network)

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Text, *, video: bool = True) -> Tensor:
        """See `LatentTextToVideo.predict`."""
        if video:
            return self._network(noisy, spread(timestep, len(noisy), noisy.device), condition)
        with without_time(self.network):
            return frame_by_frame(self._network, noisy, timestep, condition)

    def save_memory(self) -> None:
        """Block by block; the class itself knows no gradient checkpointing."""
        for block in (*self.network.down_blocks, self.network.mid_block, *self.network.up_blocks):
            block.forward = partial(self._checkpointed, type(block).forward.__get__(block))

    def _checkpointed(self, forward: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """A block that is computed again without time where it was computed so."""
        timeless = is_without_time(self.network)

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), without_time(self.network) if timeless else nullcontext()

        return checkpoint(forward, *arguments, use_reentrant=False, context_fn=contexts, **options)

    def _network(self, noisy: Tensor, steps: Tensor, condition: Text) -> Tensor:
        dtype = parameters_dtype(self.network)
        said: Tensor = self.network(noisy.to(dtype), steps, condition.states.to(dtype)).sample
        return said.float()


@contextmanager
def without_time(unet: nn.Module) -> Iterator[None]:
    """The U-Net without its temporal layers: of every frame what its layers for pictures say."""
    from diffusers.models.resnet import TemporalConvLayer
    from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

    convolutions, transformers = (_with_time(unet, kind) for kind in (TemporalConvLayer, TransformerTemporalModel))
    for layer in convolutions:
        layer.forward = _same
    for layer in transformers:
        layer.forward = _same_in_tuple
    try:
        yield
    finally:
        for layer in (*convolutions, *transformers):
            del layer.forward  # the class's own again


def is_without_time(unet: nn.Module) -> bool:
    """Whether that is so now."""
    return any(module.__dict__.get("forward") is _same for module in unet.modules())


def _with_time(unet: nn.Module, kind: type[nn.Module]) -> list[Any]:
    """Layers of a class that are as they come: who leaves time out inside of another who does so, changes nothing."""
    return [module for module in unet.modules() if isinstance(module, kind) and "forward" not in module.__dict__]


def _same(hidden_states: Tensor, **_: Any) -> Tensor:
    return hidden_states


def _same_in_tuple(hidden_states: Tensor, **_: Any) -> tuple[Tensor]:
    return (hidden_states,)
