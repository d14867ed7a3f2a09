"""SinFusion: Nikankin, Haim and Irani, "SinFusion: Training Diffusion Models on a Single Image or Video", ICML 2023.

Where the paper is in the code:

| paper | code |
| --- | --- |
| 3, Eq. 1, forward process | `onereel.diffusion.process.Process.add_noise` |
| 4, "Training on Large Crops" | `fit.draw`, `fit.crop_size` |
| 4, "Network Architecture", Fig. 3 | `network` |
| 4, "Loss", Eq. 3, Algorithm 1; 5, "Losses" | `fit.fit`, `onereel.diffusion.settings.ProcessConfig.prediction_type` |
| 5, Predictor, curriculum on k | `fit.draw`, `fit.largest_shift` |
| 5, Projector, truncated process | `models.Model.renew` |
| 5, Interpolator | `fit.draw`, `video.upsampled` |
| 6, generation, extrapolation | `video.continued`, `tasks` |
| 6, temporal upsampling | `video.upsampled` |
| 6, images: generation, sketch, edit, other sizes | `tasks._image` |
| 7, prediction and interpolation of held-out frames | `onereel.heldout` |

What the paper leaves open follows the authors' code (`config` names it field by field). Where we differ: the
curriculum follows the training's step (`fit.largest_shift` says what theirs does); the projector is trained on x0, as
the paper says, and not on noise; samples of one seed are the same alone and in a batch, so every video has its own
generator. `fast` and `demo` besides: a narrower chain, noise levels scaled before their embedding, a learning rate that
falls to zero, averaged weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import BaseMethod, Inputs, Job, Part, Task
from onereel.methods.roles import Roles
from onereel.methods.sinfusion.config import SinFusionConfig, models_of
from onereel.video.clip import Clip

if TYPE_CHECKING:
    import torch


__all__ = ["METHOD", "SinFusion", "SinFusionConfig"]


class SinFusion(BaseMethod):
    """Small diffusion models of one video: a predictor of frames, a projector that corrects them, an interpolator."""

    name = "sinfusion"
    title = "SinFusion"
    paper = "Nikankin, Haim and Irani, SinFusion: Training Diffusion Models on a Single Image or Video, ICML 2023"
    tasks = frozenset({Task.GENERATE, Task.RETARGET, Task.EXTRAPOLATE, Task.UPSAMPLE_TIME, Task.IMAGE})
    roles: ClassVar[Mapping[Task, Roles]] = {Task.IMAGE: Roles.of("sketch edited", needed=False)}
    trained_by = ("methods.sinfusion.fit",)
    Config = SinFusionConfig

    def parts(self, task: Task, config: SinFusionConfig) -> Mapping[str, Part]:
        """The models of a task; none needs another."""
        return dict.fromkeys(models_of(task, config), Part())

    def check(self, task: Task, inputs: Inputs, config: SinFusionConfig, job: Job) -> None:
        """Refuse a clip that is too short or small for a model, and settings that do not fit it."""
        from onereel.methods.sinfusion.tasks import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(task, inputs, config)

    def fit(self, part: Any, inputs: Inputs, config: SinFusionConfig, job: Job) -> Mapping[str, torch.Tensor]:
        """Train one model; see `fit.fit`."""
        from onereel.methods.sinfusion.fit import fit, frames_of

        frames = frames_of(part, inputs.clip.frames, config)
        place = {"workdir": job.workdir, "device": job.device, "seed": job.seed, "progress": job.progress}
        return fit(part, frames, config, **place)  # type: ignore[arg-type]

    def sample_many(
        self, task: Task, inputs: Inputs, config: SinFusionConfig, seeds: Sequence[int], job: Job
    ) -> list[Clip]:
        """A sample for each seed, all drawn together.

        What comes out: ``generate``, ``retarget``: a video of `frames` frames; ``extrapolate``: the clip and
        `extrapolate_frames` new frames after it (before it for a negative `shift`); ``upsample_time``: the clip with
        `upsample_factor` times the frames and the rate; ``image``: one frame. Further inputs: ``image`` takes the clip
        ``sketch`` or ``edited``, whose first frame it starts from.

        Raises: MethodError for another task, or settings that do not fit the clip.
        """
        from onereel.methods.sinfusion.tasks import DRAW, Drawing

        check_task(self, task)
        check_inputs(self, task, inputs.clips, inputs.files)
        return DRAW[task](Drawing(inputs, config, job), seeds)

    def together(self, config: SinFusionConfig) -> int:
        """`config.batch`."""
        return config.batch


METHOD = SinFusion()
