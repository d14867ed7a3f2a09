"""What every task asks of the models, and how its inputs become their starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.methods.base import Inputs, Job, Task
from onereel.methods.sinfusion.config import ModelName, SinFusionConfig, models_of
from onereel.methods.sinfusion.fit import check_frames, frames_of
from onereel.methods.sinfusion.models import Model
from onereel.methods.sinfusion.video import continued, first_frames, upsampled
from onereel.video.clip import Clip, to_frames, to_video
from onereel.video.pyramid import resize

_SMALLEST = 8  # pixels, each side of an output


@dataclass(frozen=True)
class Drawing:
    """One request: everything but the seeds.

    Attributes:
        inputs: the clip and further pictures.
        config: settings.
        job: where, and with which trained parts.
    """

    inputs: Inputs
    config: SinFusionConfig
    job: Job

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.job.device

    def model(self, part: ModelName) -> Model:
        """A trained model."""
        return Model.load(part, self.job.models[part], self.config, self.device)

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

    def start(self) -> int:
        """The frame that an extrapolation goes on from.

        Raises: MethodError if there is no such frame.
        """
        start = self.config.start_frame
        start = start if start is not None else (0 if self.config.shift < 0 else -1)
        self.frame(start)
        return start

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


def check(task: Task, inputs: Inputs, config: SinFusionConfig) -> None:
    """Refuse what no training mends; what it raises, training or `DRAW` would raise.

    Raises: MethodError for a clip that is too short or too small, or settings that do not fit it; ClipError for inputs
        that cannot be read.
    """
    for part in models_of(task, config):
        check_frames(part, frames_of(part, inputs.clip.frames, config), config)
    drawing = Drawing(inputs, config, Job(torch.device("cpu")))
    match task:
        case Task.RETARGET:
            _check_scale(config)
            drawing.output_side()
            _check_first(drawing)
        case Task.GENERATE:
            drawing.output_side()
            if config.first != "sampled":
                _check_first(drawing)
        case Task.EXTRAPOLATE:
            drawing.start()
        case Task.IMAGE:
            drawing.output_side()
            _guide(drawing)


def _check_scale(config: SinFusionConfig) -> None:
    if config.output_scale[1:] == (1, 1):
        raise MethodError(
            "sinfusion, task 'retarget'",
            "output_scale keeps the size",
            "say the new one, e.g. output_scale=[1, 1, 0.6]",
        )


def _check_first(drawing: Drawing) -> None:
    if drawing.config.first_frame is not None:
        drawing.frame(drawing.config.first_frame)


def _generate(drawing: Drawing, seeds: Sequence[int]) -> list[Clip]:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    height, width = drawing.output_side()
    if drawing.config.first == "sampled":
        like = torch.empty(len(seeds), 3, height, width, device=drawing.device)
        first = first_frames(drawing.model("projector"), like, generators)
    else:
        first = _resized(_chosen(drawing, generators), height, width)
    return _video(drawing, first, generators)


def _retarget(drawing: Drawing, seeds: Sequence[int]) -> list[Clip]:
    """A frame of the clip at the new size, made sharp by the projector, and what follows from it."""
    _check_scale(drawing.config)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    small = _resized(_chosen(drawing, generators), *drawing.output_side())
    projector = drawing.model("projector")
    return _video(drawing, projector.renew(small, _noise_steps(drawing, projector), generators), generators)


def _video(drawing: Drawing, first: Tensor, generators: Sequence[torch.Generator]) -> list[Clip]:
    """Videos of the length that the settings say, from their first frames (B, 3, H, W)."""
    frames = drawing.config.frames or max(1, round(drawing.inputs.clip.size[0] * drawing.config.output_scale[0]))
    later = continued(
        drawing.model("predictor"),
        drawing.corrector(),
        first,
        frames - 1,
        drawing.config,
        generators,
        progress=drawing.job.progress,
    )
    videos = torch.cat([first[:, :, None], later], dim=2)
    if drawing.config.shift < 0:  # made backward in time, shown forward
        videos = videos.flip(2)
    return [Clip(to_frames(video), drawing.inputs.clip.fps) for video in videos]


def _extrapolate(drawing: Drawing, seeds: Sequence[int]) -> list[Clip]:
    """The clip up to a frame and what follows, or what comes before a frame and the clip from there on."""
    config, clip = drawing.config, drawing.inputs.clip
    back, start = config.shift < 0, drawing.start()
    frame = drawing.frame(start)
    index = start % clip.size[0]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    first = frame.expand(len(seeds), -1, -1, -1)
    new = continued(
        drawing.model("predictor"),
        drawing.corrector(),
        first,
        config.extrapolate_frames,
        config,
        generators,
        progress=drawing.job.progress,
    )
    known = clip.frames[index:] if back else clip.frames[: index + 1]
    clips = []
    for video in new:
        made = [to_frames(video.flip(1)), known] if back else [known, to_frames(video)]
        clips.append(Clip(np.concatenate(made), clip.fps))
    return clips


def _upsample_time(drawing: Drawing, seeds: Sequence[int]) -> list[Clip]:
    clip = drawing.inputs.clip
    if clip.size[0] < 2:
        raise MethodError("sinfusion, task 'upsample_time'", "the clip has one frame", "take a longer clip")
    interpolator, corrector = drawing.model("interpolator"), drawing.corrector()
    video = to_video(clip.frames, device=drawing.device)
    rate = Fraction(clip.fps) * (1 if drawing.config.slow else drawing.config.upsample_factor)
    made = [
        upsampled(interpolator, corrector, video, drawing.config, seed, progress=drawing.job.progress) for seed in seeds
    ]
    return [Clip(to_frames(longer), rate) for longer in made]


def _image(drawing: Drawing, seeds: Sequence[int]) -> list[Clip]:
    """Pictures from noise, from a sketch, from an edited picture, or from the picture at another size."""
    model = drawing.model("image")
    height, width = drawing.output_side()
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = _guide(drawing)
    if start is None:
        pictures = model.sample(torch.empty(len(seeds), 3, height, width, device=drawing.device), generators)
    else:
        guides = _resized(start, height, width).expand(len(seeds), -1, -1, -1)
        pictures = model.renew(guides, _noise_steps(drawing, model), generators)
    return [Clip(to_frames(picture[:, None]), drawing.inputs.clip.fps) for picture in pictures]


def _guide(drawing: Drawing) -> Tensor | None:
    """What `image` starts from: (1, 3, H, W), or None for noise."""
    for role in ("sketch", "edited"):
        if (guide := drawing.inputs.shown(role)) is not None:
            return to_video(guide.frames[:1], device=drawing.device).movedim(1, 0)
    return drawing.frame(drawing.config.image_frame)[None] if drawing.config.image_start == "picture" else None


def _chosen(drawing: Drawing, generators: Sequence[torch.Generator]) -> Tensor:
    """First frames from the clip: the one that the settings name, or one at random for each: (B, 3, H, W)."""
    index, count = drawing.config.first_frame, drawing.inputs.clip.size[0]
    if index is not None:
        return drawing.frame(index).expand(len(generators), -1, -1, -1)
    return torch.stack([drawing.frame(int(torch.randint(count, (), generator=generator))) for generator in generators])


def _noise_steps(drawing: Drawing, model: Model) -> int:
    return max(1, round(drawing.config.image_noise * model.process.config.num_train_timesteps))


def _resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """(B, 3, H, W) at another size, clamped to [-1, 1]."""
    return torch.stack([resize(picture[:, None], (1, height, width))[:, 0] for picture in pictures]).clamp(-1, 1)


DRAW: Mapping[Task, Callable[[Drawing, Sequence[int]], list[Clip]]] = {
    Task.GENERATE: _generate,
    Task.RETARGET: _retarget,
    Task.EXTRAPOLATE: _extrapolate,
    Task.UPSAMPLE_TIME: _upsample_time,
    Task.IMAGE: _image,
}
"""Samples of a task, one for each seed."""
