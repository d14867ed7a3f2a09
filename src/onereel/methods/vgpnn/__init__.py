"""VGPNN: Haim, Feinstein et al., "Diverse Generation from a Single Video Made Possible", 2022.

Where the paper is in the code:

| paper | code |
| --- | --- |
| 3, pyramid x_n, r = 6/5, cubic on three axes | `onereel.pyramid` |
| 3, first guess x_N + z_N; "Noise initialization" | `generate.first_guess` |
| 3, Fig. 4, VPNN layer and its iterations | `generate.run_level` |
| 3, "QKV scheme": K = x_(n+1) up in the first pass | `generate.generate` |
| 3, "WeightedPatchMatch", Eq. 1 | `onereel.nnf.search` |
| 3, "Completeness score", Eq. 2 | `onereel.nnf.completeness_weights` |
| 3, folding by the median | `onereel.patches.vote` |
| 4, GPNN*: the same with an exhaustive search | `search.method: exhaustive` |

What the paper leaves open follows the authors' code: the noise's amplitude (5 in units of [-1, 1], each channel drawn
on its own), where the pyramid ends (3 frames, 15 pixels), the number of iterations (5; 1 on the coarsest level) and
all numbers of PatchMatch (`onereel.nnf.SearchConfig`). An amplitude of 5 drowns x_N, so a layout is drawn almost
freely; replicated over time as the paper says, every frame is drawn alike, and what moves is what the patches bring.
Voxels near the border get fewer than 147 suggestions, because patches lie wholly inside the video; the median of an
even number is the lower middle one.

Where the `paper` preset differs from the authors' code: r = 6/5 instead of 1/0.85; noise replicated over time; the same
length as the input instead of half; sizes of levels rounded up, not to even numbers. `fast` and `demo` also start every
level's search from the field of the level below, which needs fewer sweeps.

Not in this module: the tasks of section 5, of which random generation is the base.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onereel.clip import Frames, to_frames, to_video
from onereel.errors import MethodError
from onereel.methods.base import Inputs, Task, UntrainedMethod
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.pyramid import Pyramid, Size, build

if TYPE_CHECKING:
    import torch

    from onereel.progress import Progress

__all__ = ["METHOD", "VGPNN", "VGPNNConfig"]

_BYTES_PER_VOXEL = 300  # of the larger of input and output, measured at the peak; see benchmarks/vgpnn.py


class VGPNN(UntrainedMethod):
    """Space-time patch nearest neighbours, coarse to fine. Nothing is trained; every sample is a generation."""

    name = "vgpnn"
    title = "VGPNN"
    paper = "Haim, Feinstein et al., Diverse Generation from a Single Video Made Possible, 2022"
    tasks = frozenset({Task.GENERATE})
    Config = VGPNNConfig

    def requires(self, task: Task, config: VGPNNConfig) -> Mapping[str, str]:
        """The pyramid of the ladder."""
        return {"pyramid": config.ladder.name}

    def sample(
        self,
        task: Task,
        inputs: Inputs,
        config: VGPNNConfig,
        *,
        weights: Mapping[str, Path],
        device: torch.device,
        seed: int,
        progress: Progress,
    ) -> Frames:
        """One random video, (T, H, W, 3) uint8. The same seed gives the same bytes, whatever the number of threads.

        Raises: MethodError for another task, a clip that is too small for the coarsest level or too large for memory,
            or a pyramid of another ladder.
        """
        import torch

        from onereel.methods.vgpnn.generate import generate, output_sizes

        if task not in self.tasks:
            raise MethodError("method 'vgpnn'", f"does not do '{task}'", f"choose one of {', '.join(self.tasks)}")
        sizes = config.ladder.sizes(inputs.clip.size)
        _check_memory(sizes[-1], output_sizes(sizes, config)[-1], device)
        pyramid = _pyramid(inputs, config, sizes).to(device)
        generator = torch.Generator().manual_seed(seed)
        return to_frames(generate(pyramid, config, generator=generator, progress=progress))


def _pyramid(inputs: Inputs, config: VGPNNConfig, sizes: list[Size]) -> Pyramid:
    if inputs.pyramid is None:
        return build(to_video(inputs.clip.frames), config.ladder)
    if inputs.pyramid.sizes != sizes:
        raise MethodError(
            f"vgpnn, pyramid with levels {inputs.pyramid.sizes[0]} to {inputs.pyramid.sizes[-1]}",
            f"the clip and ladder {config.ladder.name} have other levels",
            "build the pyramid again from this clip and ladder",
        )
    return inputs.pyramid


def _check_memory(size: Size, output: Size, device: torch.device) -> None:
    voxels = max(size[0] * size[1] * size[2], output[0] * output[1] * output[2])
    needed, present = voxels * _BYTES_PER_VOXEL, _memory(device)
    if needed > present:
        raise MethodError(
            f"vgpnn, output of {output[0]}x{output[1]}x{output[2]} (frames, height, width)",
            f"needs about {needed / 2**30:.1f} GiB, {device} has {present / 2**30:.1f}",
            "lower the clip's height or length, or output_scale",
        )


def _memory(device: torch.device) -> int:
    """Bytes that the device has in all."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


METHOD = VGPNN()
