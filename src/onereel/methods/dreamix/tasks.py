"""The tasks: edits of a clip, pictures that move, videos of a subject (sections 4.1 and 5)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction

import torch

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.methods.base import Inputs, Job, Task
from onereel.methods.dreamix.automatic import features_of, read_choices
from onereel.methods.dreamix.coarse import coarse_of
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.editor import Editor, editor_class
from onereel.methods.dreamix.parts import parts_of, tuning_of
from onereel.methods.dreamix.pictures import IMAGES, pictures_in, pictures_of
from onereel.methods.dreamix.shape import at_work, like
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.weights.store import Resolved

log = logging.getLogger(__name__)

_FASTER = 1.5  # than the model's videos: from there on a clip looks slow to it


def check(task: Task, inputs: Inputs, config: DreamixConfig, job: Job) -> None:
    """Refuse what no training mends.

    Raises: MethodError, ClipError, WeightsError in one line.
    """
    if IMAGES in inputs.files:
        pictures_in(inputs.files[IMAGES])
    if task == Task.EDIT_TEXT and config.automatic:
        chosen_kind(inputs, config)
    if task != Task.EDIT_TEXT and config.automatic:
        raise MethodError(f"dreamix, task '{task}'", "no strength was learned for it", "set a strength from 0 to 1")
    if task == Task.SUBJECT and config.frames_only_steps and config.token.lower() not in inputs.prompt.lower().split():
        problem = f"the prompt '{inputs.prompt}' does not name the subject, '{config.token}'"
        raise MethodError("dreamix, task 'subject'", problem, f"write e.g. 'a {config.token} moves left'")
    weights = job.backbone(config.backbone)
    tuned = bool(parts_of(task, config))
    size, upscaler = _size(task, inputs, config), _upscaler(config, job)
    editor_class(weights).check(weights, config, job.device, size, tuned=tuned, upscaler=upscaler)


def chosen_kind(inputs: Inputs, config: DreamixConfig) -> str:
    """The kind of an edit, given or told from the prompts.

    Raises: MethodError where nothing was learned, or it cannot be told.
    """
    choices = read_choices()
    kind = config.edit_kind
    if not kind and config.source_prompt:
        kind = choices.words.kind_of(config.source_prompt, inputs.prompt)
    choices.of_kind(kind)
    return kind


def predicted_success(inputs: Inputs, config: DreamixConfig) -> float:
    """How likely an edit is to succeed, in (0, 1), from what is known before it is made.

    Raises: MethodError as `chosen_kind`.
    """
    choices, kind = read_choices(), chosen_kind(inputs, config)
    return choices.score.predict(
        kind, features_of(choices.words, config.source_prompt, inputs.prompt, inputs.clip.frames)
    )


def sample_many(task: Task, inputs: Inputs, config: DreamixConfig, seeds: Sequence[int], job: Job) -> list[Clip]:
    """A sample for each seed."""
    strength, kind = config.strength, ""
    if config.automatic:
        kind = chosen_kind(inputs, config)
        chosen = read_choices().of_kind(kind)
        strength = chosen.strength
        log.info(
            "strength %g, %d steps with alpha %g, as learned for edits of '%s'; %.0f %% likely to succeed",
            strength, chosen.finetune_steps, chosen.alpha, kind, 100 * predicted_success(inputs, config),
        )  # fmt: skip
    assert isinstance(strength, float | int)
    editor = tuned_editor(task, config, job, kind)
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        match task:
            case Task.EDIT_TEXT:
                drawn.append(_edited(editor, inputs, config, strength, generator, job))
            case Task.ANIMATE_IMAGE:
                drawn.append(_animated(editor, inputs, config, strength, generator, job))
            case Task.SUBJECT:
                drawn.append(_of_subject(editor, inputs, config, generator, job))
            case other:
                raise ValueError(f"dreamix does not do '{other}'")
    return drawn


def tuned_editor(task: Task, config: DreamixConfig, job: Job, kind: str) -> Editor:
    """The model, with the stages that were fine-tuned for this task and kind of edit."""
    weights = job.backbone(config.backbone)
    editor = editor_class(weights).load(weights, config, job.device, training=False, upscaler=_upscaler(config, job))
    tuning = tuning_of(task, config, kind)
    for stage in config.stages if tuning.steps else ():
        path = job.models[tuning.part(stage)]
        try:
            state = tensorfiles.load(path)
        except ValueError as error:
            problem = tensorfiles.first_line(error)
            raise MethodError(f"dreamix, stage '{stage}', '{path}'", problem, "train again") from None
        editor.take(stage, state, str(path))
    return editor


def _edited(
    editor: Editor, inputs: Inputs, config: DreamixConfig, strength: float, generator: torch.Generator, job: Job
) -> Clip:
    clip = inputs.clip
    if clip.fps > _FASTER * editor.native.fps:
        log.warning(
            "the clip plays %.3g frames a second, the model's videos %.3g: to it everything moves slowly; "
            "ingest the clip with fewer",
            clip.fps, editor.native.fps,
        )  # fmt: skip
    video, place = at_work(to_video(clip.frames), editor.side, editor.step, editor.frames_for(clip.size[0]))
    made = editor.edit(video, inputs.prompt, strength, generator, progress=job.progress)
    return Clip(like(made, place, clip), clip.fps)


def _animated(
    editor: Editor, inputs: Inputs, config: DreamixConfig, strength: float, generator: torch.Generator, job: Job
) -> Clip:
    coarse = coarse_of(inputs, config, editor.side, config.frames or editor.native.frames, generator)
    video, place = at_work(coarse, editor.side, editor.step, editor.frames_for(coarse.shape[1]))
    made = editor.edit(video, inputs.prompt, strength, generator, progress=job.progress)
    return Clip(to_frames(place.out_of(made)), _rate(editor))


def _of_subject(editor: Editor, inputs: Inputs, config: DreamixConfig, generator: torch.Generator, job: Job) -> Clip:
    """Text-to-video with the tuned model: at full strength nothing is read of the empty video."""
    native = editor.native
    frames = config.frames or native.frames
    empty, place = at_work(
        torch.zeros(3, frames, native.height, native.width), editor.side, editor.step, editor.frames_for(frames)
    )
    made = editor.edit(empty, inputs.prompt, 1.0, generator, progress=job.progress)
    return Clip(to_frames(place.out_of(made)), _rate(editor))


def _size(task: Task, inputs: Inputs, config: DreamixConfig) -> tuple[int, int, int]:
    """(T, H, W) of what is edited, as far as the input says it; 0 where the model does."""
    if task == Task.EDIT_TEXT:
        return inputs.clip.size
    first: Frames | None = pictures_of(inputs)[0] if task == Task.ANIMATE_IMAGE else None
    height, width = first.shape[1:3] if first is not None else (0, 0)
    return config.frames or 0, height, width


def _upscaler(config: DreamixConfig, job: Job) -> Resolved | None:
    return job.backbone(config.upscaler) if config.upscaler else None


def _rate(editor: Editor) -> Fraction:
    return Fraction(editor.native.fps).limit_denominator(1001)
