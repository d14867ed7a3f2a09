"""Latte-1: diffusers' ``LatteTransformer3DModel``, T5 and Stable Diffusion's latents (Ma et al. 2024, "Latte").

Attention over space and over time take turns; of pictures the latter is left out, and nothing else knows of time.
"""

from functools import partial
from typing import Any, ClassVar

from torch import Tensor

from onereel.backbones.text import PromptEncoder, Text, t5
from onereel.backbones.text_to_video import DiffusedTextToVideo, frame_by_frame, parameters_dtype, spread
from onereel.base.errors import MethodError


class Latte(DiffusedTextToVideo):
    """The transformer with its T5 encoder and autoencoder."""

    network_folder: ClassVar[str] = "transformer"

    @classmethod
    def encoder_of(cls, tokenizer: Any, network: Any) -> PromptEncoder:
        """T5."""
        return t5(tokenizer, network)

    @property
    def side_step(self) -> int:
        """Pixels of a patch."""
        return self.side * int(self.network.config.patch_size)

    def check_frames(self, frames: int) -> None:
        """Its frames have learned places: one frame, or all of them."""
        length = self.network.config.video_length
        if frames not in (1, length):
            problem = f"makes videos of {length} frames, or one picture, not {frames} frames"
            raise MethodError(f"backbone '{self.name}'", problem, f"ask for {length}")

    def negative(self, text: Text, condition: Text) -> Text:
        """It was trained to read as many tokens of the empty prompt as the prompt has (diffusers'
        ``LattePipeline.mask_text_embeddings``)."""
        return Text(text.states, condition.mask)

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Text, *, video: bool = True) -> Tensor:
        """See `LatentTextToVideo.predict`; of what the network says, the half that is a variance is dropped."""
        if not video:
            return frame_by_frame(partial(self._network, temporal=False), noisy, timestep, condition)
        return self._network(noisy, spread(timestep, len(noisy), noisy.device), condition, temporal=True)

    def _network(self, noisy: Tensor, steps: Tensor, condition: Text, *, temporal: bool) -> Tensor:
        dtype, frames = parameters_dtype(self.network), noisy.shape[2]
        said: Tensor = self.network(
            noisy.to(dtype),
            timestep=steps,
            encoder_hidden_states=condition.states.to(dtype),
            encoder_attention_mask=condition.repeated(frames).mask[:, None].to(dtype).sub(1).mul(10_000),
            enable_temporal_attentions=temporal,
        ).sample
        return said[:, : self.channels].float()
