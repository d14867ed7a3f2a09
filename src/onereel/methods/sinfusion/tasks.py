"""What every task asks of the models, and how its inputs become their starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.base.progress import Progress
from onereel.methods.base import Inputs, Task
from onereel.methods.sinfusion.config import Part, SinFusionConfig
from onereel.methods.sinfusion.models import Model
from onereel.methods.sinfusion.video import continued, first_frames, upsampled
from onereel.video.clip import Clip, to_frames, to_video
from onereel.video.pyramid import resize

_SMALLEST = 8  # pixels, each side of an output


@dataclass(frozen=True)
class Job:
    """One request: everything but the seeds.

    Attributes:
        inputs: the clip and further pictures.
        config: settings.
        weights: files of the trained parts.
        device: where to compute.
        progress: watches.
    """

    inputs: Inputs
    config: SinFusionConfig
    weights: Mapping[str, Path]
    device: torch.device
    progress: Progress

    def model(self, part: Part) -> Model:
        """A trained model."""
        return Model.load(part, self.weights[part], self.config, self.device)

    def corrector(self) -> Model | None:
        """The projector where frames are to be corrected."""
        return self.model("projector") if self.config.correction_steps else None

    def frame(self, index: int) -> Tensor:
        """One frame of the clip: (3, H, W) in [-1, 1].

        Raises: MethodError if there is no such frame.
        """
        count = self.inputs.clip.size[0]
        if not -count <= index < count:
            raise MethodError(
                f"sinfusion, frame {index}", f"the clip has {count} frames", f"choose {-count} to {count - 1}"
            )
        return to_video(self.inputs.clip.frames[[index]], device=self.device)[:, 0]

    def output_side(self) -> tuple[int, int]:
        """Height and width of the output."""
        _, height, width = self.inputs.clip.size
        sides = round(height * self.config.output_scale[1]), round(width * self.config.output_scale[2])
        if min(sides) < _SMALLEST:
            raise MethodError(
                f"sinfusion, output of {sides[0]}x{sides[1]} (height, width)",
                f"is smaller than {_SMALLEST} pixels",
                "raise output_scale or the clip's height",
            )
        return sides


def parts(task: Task, config: SinFusionConfig) -> tuple[Part, ...]:
    """Models that a task samples with."""
    corrector: tuple[Part, ...] = ("projector",) if config.correction_steps else ()
    match task:
        case Task.GENERATE:
            return ("predictor", "projector") if config.first == "sampled" else ("predictor", *corrector)
        case Task.RETARGET:
            return ("predictor", "projector")
        case Task.EXTRAPOLATE:
            return ("predictor", *corrector)
        case Task.UPSAMPLE_TIME:
            return ("interpolator", *corrector)
        case Task.IMAGE:
            return ("image",)
        case other:
            raise ValueError(f"sinfusion does not do '{other}'")


def _generate(job: Job, seeds: Sequence[int]) -> list[Clip]:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    height, width = job.output_side()
    if job.config.first == "sampled":
        like = torch.empty(len(seeds), 3, height, width, device=job.device)
        first = first_frames(job.model("projector"), like, generators)
    else:
        first = _resized(_chosen(job, generators), height, width)
    return _video(job, first, generators)


def _retarget(job: Job, seeds: Sequence[int]) -> list[Clip]:
    """A frame of the clip at the new size, made sharp by the projector, and what follows from it."""
    if job.config.output_scale[1:] == (1, 1):
        raise MethodError(
            "sinfusion, task 'retarget'",
            "output_scale keeps the size",
            "say the new one, e.g. output_scale=[1, 1, 0.6]",
        )
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    small = _resized(_chosen(job, generators), *job.output_side())
    projector = job.model("projector")
    return _video(job, projector.renew(small, _noise_steps(job, projector), generators), generators)


def _video(job: Job, first: Tensor, generators: Sequence[torch.Generator]) -> list[Clip]:
    """Videos of the length that the settings say, from their first frames (B, 3, H, W)."""
    frames = job.config.frames or max(1, round(job.inputs.clip.size[0] * job.config.output_scale[0]))
    later = continued(
        job.model("predictor"), job.corrector(), first, frames - 1, job.config, generators, progress=job.progress
    )
    videos = torch.cat([first[:, :, None], later], dim=2)
    if job.config.shift < 0:  # made backward in time, shown forward
        videos = videos.flip(2)
    return [Clip(to_frames(video), job.inputs.clip.fps) for video in videos]


def _extrapolate(job: Job, seeds: Sequence[int]) -> list[Clip]:
    """The clip up to a frame and what follows, or what comes before a frame and the clip from there on."""
    config, clip = job.config, job.inputs.clip
    back = config.shift < 0
    start = config.start_frame if config.start_frame is not None else (0 if back else -1)
    frame = job.frame(start)
    index = start % clip.size[0]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    first = frame.expand(len(seeds), -1, -1, -1)
    new = continued(
        job.model("predictor"),
        job.corrector(),
        first,
        config.extrapolate_frames,
        config,
        generators,
        progress=job.progress,
    )
    known = clip.frames[index:] if back else clip.frames[: index + 1]
    clips = []
    for video in new:
        made = [to_frames(video.flip(1)), known] if back else [known, to_frames(video)]
        clips.append(Clip(np.concatenate(made), clip.fps))
    return clips


def _upsample_time(job: Job, seeds: Sequence[int]) -> list[Clip]:
    clip = job.inputs.clip
    if clip.size[0] < 2:
        raise MethodError("sinfusion, task 'upsample_time'", "the clip has one frame", "take a longer clip")
    interpolator, corrector = job.model("interpolator"), job.corrector()
    video = to_video(clip.frames, device=job.device)
    rate = Fraction(clip.fps) * job.config.upsample_factor
    made = [upsampled(interpolator, corrector, video, job.config, seed, progress=job.progress) for seed in seeds]
    return [Clip(to_frames(longer), rate) for longer in made]


def _image(job: Job, seeds: Sequence[int]) -> list[Clip]:
    """Pictures from noise, from a sketch, from an edited picture, or from the picture at another size."""
    model = job.model("image")
    height, width = job.output_side()
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = _guide(job)
    if start is None:
        pictures = model.sample(torch.empty(len(seeds), 3, height, width, device=job.device), generators)
    else:
        guides = _resized(start, height, width).expand(len(seeds), -1, -1, -1)
        pictures = model.renew(guides, _noise_steps(job, model), generators)
    return [Clip(to_frames(picture[:, None]), job.inputs.clip.fps) for picture in pictures]


def _guide(job: Job) -> Tensor | None:
    """What `image` starts from: (1, 3, H, W), or None for noise."""
    for role in ("sketch", "edited"):
        if (guide := job.inputs.shown(role)) is not None:
            return to_video(guide.frames[:1], device=job.device).movedim(1, 0)
    return job.frame(job.config.image_frame)[None] if job.config.image_start == "picture" else None


def _chosen(job: Job, generators: Sequence[torch.Generator]) -> Tensor:
    """First frames from the clip: the one that the settings name, or one at random for each: (B, 3, H, W)."""
    index, count = job.config.first_frame, job.inputs.clip.size[0]
    if index is not None:
        return job.frame(index).expand(len(generators), -1, -1, -1)
    return torch.stack([job.frame(int(torch.randint(count, (), generator=generator))) for generator in generators])


def _noise_steps(job: Job, model: Model) -> int:
    return max(1, round(job.config.image_noise * model.process.config.num_train_timesteps))


def _resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """(B, 3, H, W) at another size, clamped to [-1, 1]."""
    return torch.stack([resize(picture[:, None], (1, height, width))[:, 0] for picture in pictures]).clamp(-1, 1)


DRAW: Mapping[Task, Callable[[Job, Sequence[int]], list[Clip]]] = {
    Task.GENERATE: _generate,
    Task.RETARGET: _retarget,
    Task.EXTRAPOLATE: _extrapolate,
    Task.UPSAMPLE_TIME: _upsample_time,
    Task.IMAGE: _image,
}
"""Samples of a task, one for each seed."""
