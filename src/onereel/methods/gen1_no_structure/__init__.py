"""Gen-1 without structure: SDEdit on its video model before it learned any; a baseline of Gen-1 (Esser et al. 2023,
section 4.3, "ours without s").

| paper | code |
| --- | --- |
| the model without structure: stage 2 of section 3.4, kept as a part of its own | `editing.load_editor` |
| SDEdit (Meng et al. 2022, Algorithm 1): noise the video to t0, denoise from there | `editing.edited` |
| guidance, content, windows: as in Gen-1 | `onereel.methods.gen1` |

Stage 2 has the same layers, has seen the same videos, and has no input for structure. Stage 4 with depth set to zero
would be another thing: a flat scene is a structure, too, and one that it was trained on.

Where we differ: DDIM instead of a stochastic solver, as in all of Gen-1. Strengths are not published: `strength`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import BaseMethod, Inputs, Job, Task
from onereel.methods.gen1 import PUBLIC
from onereel.methods.gen1_no_structure.config import NoStructureConfig
from onereel.methods.roles import Roles
from onereel.video.clip import Frames

__all__ = ["METHOD", "Gen1NoStructure", "NoStructureConfig"]

TEXT = "stable-diffusion-1.5"
"""Whose tokens a published video model would read, had it anything to read of a text: named, since its loader asks."""


class Gen1NoStructure(BaseMethod):
    """A clip noised and denoised again by a video model, towards a text or a picture. Nothing is trained."""

    name = "gen1_no_structure"
    title = "Gen-1 without structure"
    paper = "Esser et al., Structure and Content-Guided Video Synthesis with Diffusion Models, ICCV 2023"
    tasks = frozenset({Task.EDIT_TEXT})
    roles: ClassVar[Mapping[Task, Roles]] = {Task.EDIT_TEXT: Roles.of("content", needed=False, prompt="optional")}
    Config = NoStructureConfig

    def backbones(self, task: Task, config: NoStructureConfig) -> tuple[str, ...]:
        """The video model, the autoencoder of its image model, CLIP, the prior; of the model `public` its parts."""
        if config.model == PUBLIC:
            return (config.image_model, config.motion, TEXT, config.prior)
        return (config.model, config.image_model, config.clip, config.prior)

    def check(self, task: Task, inputs: Inputs, config: NoStructureConfig, job: Job) -> None:
        """Refuse a run without content or with two, and what a published model cannot do here."""
        from onereel.methods.gen1.content import check_content
        from onereel.methods.gen1.public import check as check_public
        from onereel.methods.gen1_no_structure.editing import weights_of

        check_inputs(self, task, inputs.clips, inputs.files)
        check_content(self.name, task, inputs, config)
        if config.model == PUBLIC:
            check_public(weights_of(config, job), inputs, config, job, self.name)

    def sample_many(
        self, task: Task, inputs: Inputs, config: NoStructureConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """The clip, made anew as far as the strength says, of its own size and length, for every seed.

        Raises: MethodError, ClipError as `check`; WeightsError for models that are not there.
        """
        from onereel.methods.gen1.content import Contents
        from onereel.methods.gen1.public import reader_of
        from onereel.methods.gen1_no_structure.editing import edited, load_editor

        check_task(self, task)
        self.check(task, inputs, config, job)
        model = load_editor(config, job)
        contents = Contents(inputs, config, job, reader_of(model))
        return [
            edited(model, inputs.clip, contents.of(seed), contents.avoided(seed), config, seed, progress=job.progress)
            for seed in seeds
        ]


METHOD = Gen1NoStructure()
