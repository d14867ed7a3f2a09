"""Dreamix: Molad, Horwitz, Valevski, Rav Acha, Matias, Pritch, Leviathan and Hoshen, "Dreamix: Video Diffusion Models
are General Video Editors", 2023.

No code and no weights were ever published. Where the paper is in the code:

| paper | code |
| --- | --- |
| 3, stochastic DDIM sampling; A.3 | `onereel.diffusion.samplers.stochastic_ddim` |
| 3, cascaded video diffusion; A.1 | `onereel.backbones.cascade` |
| 4.1, input video degradation | `shape.at_work`; `onereel.backbones.cascade.stages.reduced`; `sdedit` of the samplers |
| 4.1, text-guided corruption inversion | `cascade.CascadeEditor.edit`, `latent.LatentEditor.edit` |
| 4.2, Eq. 2, the video as a video | `editor.Editor.error` with ``video=True`` |
| 4.2, Eq. 3, as an unordered set of frames | the same with ``video=False`` |
| 4.2, Eq. 4, mixed fine-tuning | `fit.mixed_loss` |
| 4.2, once for a video and many prompts | `parts.parts_of`: no part reads the prompt |
| 4.3, A.2, A.3, hyperparameters | `config.DreamixConfig` |
| 5, single images | `coarse`, `camera` |
| 5, subject-driven generation | `tasks` |
| 6.3, no, video-only and mixed fine-tuning | ``finetune_steps=0``; ``alpha=1``; ``alpha=0.65`` |
| 6, Tables 1 and 2, Figs. 7 and 8, told by truth | ``config/dreamix``, `onereel.report.comparisons` |
| 7, hyperparameter selection, which pairs succeed | `automatic`, `onereel.jobs.automatic` |

What the paper's text leaves open, and how it is read here:

- Only the base sees the corrupted input; a later stage sees what the stage before made, and the prompt.
- Of frames alone, temporal attention is masked to the frame itself "and also" temporal convolutions: here neither is
  computed, so that frames are independent to the last bit and temporal parameters get no gradient. Every frame of a
  step has its own noise level.
- Where alpha is neither 0 nor 1, both objectives are computed in every step and added. A temporal super-resolution is
  not tuned, as in the paper.
- Errors are weighed as in the backbone's own training.
- Pictures are tuned on as they are, and not as the coarse video shows them: another path of the camera trains nothing.
- A clip that is longer or wider than the model's videos is denoised in windows together (`onereel.diffusion.windows`);
  the paper's last stage takes pieces of 32 frames one after the other.
- Frames are taken as they follow each other, whatever their rate: ingest a clip at about the model's rate.

Not here: text-guided inpainting and outpainting (a wish of section 7): both need a model that reads a mask, which the
cascade does not; motion between two images is ``between=dissolve`` with two pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import BaseMethod, Inputs, Job, Part, Task
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.roles import Roles
from onereel.video.clip import Clip

if TYPE_CHECKING:
    import torch

__all__ = ["METHOD", "Dreamix", "DreamixConfig"]


class Dreamix(BaseMethod):
    """Edits of motion and looks by inverting a corruption with a text-to-video model that was tuned on the input."""

    name = "dreamix"
    title = "Dreamix"
    paper = "Molad et al., Dreamix: Video Diffusion Models are General Video Editors, 2023"
    tasks = frozenset({Task.EDIT_TEXT, Task.ANIMATE_IMAGE, Task.SUBJECT})
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.EDIT_TEXT: Roles(prompt="needed"),
        Task.ANIMATE_IMAGE: Roles.of("picture", folders="images", prompt="needed", clip="refused"),
        Task.SUBJECT: Roles.of("picture video", folders="images", prompt="needed", clip="refused"),
    }
    trained_by = ("methods.dreamix.fit",)
    Config = DreamixConfig

    def backbones(self, task: Task, config: DreamixConfig) -> tuple[str, ...]:
        """The model, and the one that enlarges where there is one."""
        return (config.backbone, config.upscaler) if config.upscaler else (config.backbone,)

    def parts(self, task: Task, config: DreamixConfig) -> Mapping[str, Part]:
        """A part for each fine-tuned stage; see `parts.parts_of`."""
        from onereel.methods.dreamix.parts import parts_of

        return parts_of(task, config)

    def together(self, config: DreamixConfig) -> int:
        """A few: the model is loaded once for them, and a kill loses no more."""
        return 4

    def check(self, task: Task, inputs: Inputs, config: DreamixConfig, job: Job) -> None:
        """Refuse a prompt without the subject's name, a model that cannot be edited with, memory that is too small, and
        an automatic choice of which nothing was learned."""
        from onereel.methods.dreamix.tasks import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(task, inputs, config, job)

    def fit(self, part: str, inputs: Inputs, config: DreamixConfig, job: Job) -> Mapping[str, torch.Tensor]:
        """Fine-tune one stage; see `fit.fit`."""
        from onereel.methods.dreamix.fit import fit

        return fit(part, inputs, config, job)

    def sample_many(
        self, task: Task, inputs: Inputs, config: DreamixConfig, seeds: Sequence[int], job: Job
    ) -> list[Clip]:
        """A sample for each seed.

        What comes out: ``edit_text``: the clip as the prompt says, of its size, length and rate; ``animate_image``: the
        picture in motion, at the model's scale with the picture's aspect; ``subject``: a video of the prompt, as the
        model makes them.

        Raises: MethodError, WeightsError as `check`.
        """
        from onereel.methods.dreamix.tasks import sample_many

        check_task(self, task)
        return sample_many(task, inputs, config, seeds, job)

    def guides(self, task: Task, inputs: Inputs, config: DreamixConfig) -> Mapping[str, Clip]:
        """Pictures and videos that were given, and the coarse video that was made of pictures."""
        from onereel.methods.dreamix.shown import guide

        found = dict(super().guides(task, inputs, config))
        return found | {"coarse video": guide(inputs, config)} if task == Task.ANIMATE_IMAGE else found

    def effects(self, task: Task, inputs: Inputs, config: DreamixConfig, sample: Clip) -> Mapping[str, float]:
        """``animate_image``: how near the first frame is to the picture. ``edit_text`` with an automatic choice: how
        likely the edit was to succeed, as told before it was made."""
        from onereel.methods.dreamix.shown import effects

        return effects(task, inputs, config, sample)


METHOD = Dreamix()
