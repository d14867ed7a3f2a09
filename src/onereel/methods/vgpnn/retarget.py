"""Task `retarget`: another height, width or length, objects and speeds as they were (VGPNN, section 5).

No noise; the output grows or shrinks gradually: on level n, counted from the coarsest of N + 1, it measures the input's
level times scale^(n / N), while keys and values keep their size. So what is too much is left out, and what is missing
is repeated, a little on every level, in patches of true size. Completeness makes a summary show what the input shows.

With `retarget_growth: at_once` the output has its final proportions from the coarsest level on. That is what the
authors' code does, and what `fast` and `demo` do: objects that are larger than a patch keep their shape better.
"""

from collections.abc import Sequence

from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.video.pyramid import Size


def output_sizes(sizes: Sequence[Size], config: VGPNNConfig) -> list[Size]:
    """(T, H, W) of the output on every level: scale^(n / N) times the input's."""
    last = max(len(sizes) - 1, 1)
    outputs = []
    for number, size in enumerate(sizes):
        share = number / last if config.retarget_growth == "gradual" and len(sizes) > 1 else 1.0
        least = config.patch if number + 1 < len(sizes) else (1, 1, 1)
        scaled = zip(size, config.output_scale, least, strict=True)
        frames, height, width = (max(extent, round(length * scale**share)) for length, scale, extent in scaled)
        outputs.append((frames, height, width))
    return outputs
