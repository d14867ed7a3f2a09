"""Task `generate`: noise over the coarsest level, then patches of the input (VGPNN, section 3 and Fig. 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.video.pyramid import Size, resize


def output_sizes(sizes: Sequence[Size], config: VGPNNConfig) -> list[Size]:
    """(T, H, W) of the output on every level: the level's own size times `output_scale`, but at least a patch."""
    outputs = []
    for number, size in enumerate(sizes):
        # A short output stops shrinking on the coarse levels, as a ladder does; its final size is as asked.
        least = config.patch if number + 1 < len(sizes) else (1, 1, 1)
        scaled = zip(size, config.output_scale, least, strict=True)
        frames, height, width = (max(extent, round(length * scale)) for length, scale, extent in scaled)
        outputs.append((frames, height, width))
    return outputs


def first_guess(coarsest: Tensor, size: Size, config: VGPNNConfig, generator: torch.Generator) -> Tensor:
    """Q_N = x_N + z_N, x_N resampled to the output's size: (3, T, H, W).

    The generator is on the CPU, so that noise does not depend on the device.
    """
    guess = resize(coarsest, size)
    shape = (guess.shape[0], 1 if config.noise == "position" else size[0], *size[1:])
    noise = torch.randn(shape, generator=generator) * config.noise_amplitude
    return guess + noise.to(guess.device)  # one frame of noise spreads over time
