"""VGPNN: Haim, Feinstein et al., "Diverse Generation from a Single Video Made Possible", 2022.

Where the paper is in the code:

| paper | code |
| --- | --- |
| 3, pyramid x_n, r = 6/5, cubic on three axes | `onereel.video.pyramid` |
| 3, first guess x_N + z_N; "Noise initialization" | `generate.first_guess` |
| 3, Fig. 3, coarse to fine | `synthesis.synthesise` |
| 3, Fig. 4, VPNN layer and its iterations | `synthesis.run_level` |
| 3, "QKV scheme": K = x_(n+1) up in the first pass | `synthesis.first_keys` |
| 3, "WeightedPatchMatch", Eq. 1 | `onereel.nnf.search` |
| 3, "Completeness score", Eq. 2 | `onereel.nnf.completeness_weights` |
| 3, folding by the median | `onereel.nnf.votes.vote` |
| 4, GPNN*: the same with an exhaustive search | `onereel.methods.gpnn` |
| 5, spatial and temporal retargeting | `retarget` |
| 5, conditional inpainting | `inpaint`, `holes` |
| 5, video analogies, sketch to video | `analogy` |

What the paper leaves open follows the authors' code: the noise's amplitude (5 in units of [-1, 1], each channel drawn
on its own), where the pyramid ends (3 frames, 15 pixels), the number of iterations (5; 1 on the coarsest level) and
all numbers of PatchMatch (`onereel.nnf.SearchConfig`). An amplitude of 5 drowns x_N, so a layout is drawn almost
freely; replicated over time as the paper says, every frame is drawn alike, and what moves is what the patches bring.
Voxels near the border get fewer than 147 suggestions, because patches lie wholly inside the video; the median of an
even number is the lower middle one.

Where the `paper` preset differs from the authors' code: r = 6/5 instead of 1/0.85; noise replicated over time; the same
length as the input instead of half; sizes of levels rounded up, not to even numbers. `fast` and `demo` also start every
level's search from the field of the level below, which needs fewer sweeps, and compare bytes instead of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import CLIP, Artefacts, BaseMethod, Inputs, Job, Task
from onereel.methods.roles import Roles
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.video.clip import Clip, Frames, to_frames

__all__ = ["METHOD", "VGPNN", "VGPNNConfig"]


class VGPNN(BaseMethod):
    """Space-time patch nearest neighbours, coarse to fine. Nothing is trained; every sample is a generation."""

    name = "vgpnn"
    title = "VGPNN"
    paper = "Haim, Feinstein et al., Diverse Generation from a Single Video Made Possible, 2022"
    tasks = frozenset({Task.GENERATE, Task.RETARGET, Task.INPAINT, Task.ANALOGY, Task.SKETCH})
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.INPAINT: Roles.of("mask", files="boxes"),
        Task.ANALOGY: Roles.of(clips="style"),
        Task.SKETCH: Roles.of(clips="sketch"),
    }
    Config = VGPNNConfig

    def requires(self, task: Task, config: VGPNNConfig) -> Artefacts:
        """The pyramid of the ladder, where the task uses the clip's own."""
        return {(CLIP, "pyramid"): config.ladder.name} if task in (Task.GENERATE, Task.RETARGET) else {}

    def backbones(self, task: Task, config: VGPNNConfig) -> tuple[str, ...]:
        """Optical flow, where searches compare speeds."""
        return ("flow",) if config.flow_bins_of(task) else ()

    def guides(self, task: Task, inputs: Inputs, config: VGPNNConfig) -> Mapping[str, Clip]:
        """Of an inpainting: the clip with its cues and the hole's outline; else every further clip."""
        if task != Task.INPAINT:
            return super().guides(task, inputs, config)
        from onereel.methods.vgpnn.holes import read_hole

        return {"hole": Clip(read_hole(inputs, config.cue).outlined(), inputs.clip.fps)}

    def check(self, task: Task, inputs: Inputs, config: VGPNNConfig, job: Job) -> None:
        """Refuse a clip that is too small for the coarsest level, and samples that are too large for memory."""
        from onereel.methods.vgpnn.tasks import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(task, inputs, config, job)

    def sample_many(
        self, task: Task, inputs: Inputs, config: VGPNNConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """Videos, (T, H, W, 3) uint8, one after the other. The number of threads changes no byte.

        Inputs by task: ``generate``, ``retarget``: the clip; ``inpaint``: the clip and ``mask`` or ``boxes``
        (`holes.read_hole`); ``analogy``: the clip, whose layout and motion are kept, and the clip ``style``;
        ``sketch``: the clip, which is the style, and the clip ``sketch``.

        Raises: MethodError for another task, missing inputs, a clip that is too small for the coarsest level or too
            large for memory, or a pyramid of another ladder.
        """
        import torch

        from onereel.methods.vgpnn.synthesis import synthesise
        from onereel.methods.vgpnn.tasks import PREPARE

        check_task(self, task)
        check_inputs(self, task, inputs.clips, inputs.files)
        samples = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            levels, guess, settings = PREPARE[task](inputs, config, job, generator)
            samples.append(to_frames(synthesise(levels, guess, settings, generator=generator, progress=job.progress)))
        return samples


METHOD = VGPNN()
