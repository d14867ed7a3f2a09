"""One test from end to end: a method and the baselines predict what was held out, and are measured.

A method takes part through its public interface alone:

- prediction: `Method.sample` of task ``extrapolate`` gets a clip and returns its frames followed by as many new ones as
  its setting ``extrapolate_frames`` says. The clip ends at the origin; frames that were held out of training are given
  as input for later origins, which is what "the next frames" means there.
- interpolation: `Method.sample` of task ``upsample_time`` gets every second frame and, with ``upsample_factor`` 2,
  returns 2n - 1 frames, the even ones being those that it got.
- super-resolution: `Method.sample` of task ``super_resolve`` gets the clip made smaller and, with ``super_factor`` k,
  returns it k times as high and wide.

Every origin is asked with the same seed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from onereel.base.errors import MethodError
from onereel.base.files import write_json
from onereel.features.flow import FlowEstimator
from onereel.heldout import baselines
from onereel.heldout.hold_out import HoldOut, Kind, alternate, divisible, find_origins, known_clip, past_length
from onereel.heldout.measure import Shot, measure, summarise
from onereel.heldout.names import METHOD, SIDE_BY_SIDE, TRUTH
from onereel.jobs.artefacts import prepare
from onereel.jobs.sampling import SampleRequest, draw
from onereel.methods import Inputs, Job, Method, MethodConfig
from onereel.video import clip as clips_
from onereel.video.clip import Clip, Frames
from onereel.weights.entries import Mode

_GAP, _GREY = 2, 128  # px between films side by side, and its level
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a test.

    Attributes:
        record: JSON-ready: what was asked, what it took, and every value.
        films: what people watch, by name: ``truth``, each baseline, each seed, ``side_by_side``. Of a prediction, some
            known frames and then those after the first origin; otherwise all frames.
    """

    record: dict[str, Any]
    films: Mapping[str, Clip]


def conduct(
    method: Method,
    request: SampleRequest,
    seeds: Sequence[int],
    clip: Clip,
    split: HoldOut,
    config: MethodConfig,
    job: Job,
    *,
    flow: FlowEstimator,
    weights: Mode,
) -> Outcome:
    """Predict the held-out frames of `clip` with `method` and with every baseline, and measure them.

    Args:
        method: whose samples.
        request: what the record says was asked for; its seed is replaced by each of `seeds`.
        seeds: one sample each.
        clip: the whole clip.
        split: what is held out of it.
        config: the method's settings.
        job: where and with what it samples; its parts are trained on the known frames.
        flow: for the baselines.
        weights: which weights the artefacts of the given frames are made with, where the method requires any.

    Raises: MethodError for a method that returns other frames than it was asked for; ClipError for a clip that is too
        short.
    """
    questions = _questions(clip, split)
    answers, samples = _ask(method, request, seeds, questions, config, job, weights)
    base = [_baselines(question, split, flow) for question in questions]
    sources = {name: [shot[name] for shot in base] for name in base[0]}
    measured: list[tuple[str, int | None, list[Frames]]] = [(name, None, frames) for name, frames in sources.items()]
    measured += [(METHOD, seed, frames) for seed, frames in answers.items()]
    records = [
        record for name, seed, frames in measured for record in measure(name, seed, _shots(questions, frames, split))
    ]
    shown = {TRUTH: questions[0].truth, **{name: frames[0] for name, frames in sources.items()}}
    shown |= {str(seed): frames[0] for seed, frames in answers.items()}
    films = {name: _film(clip, questions[0], frames, split) for name, frames in shown.items()}
    compared = [films[name] for name in (TRUTH, *sources, str(seeds[0]))]
    record = {
        "split": split.plain(),
        "frames": len(clip.frames),
        "origins": [question.origin for question in questions],
        "flow": flow.title,
        "films": {name: list(film.size) for name, film in films.items()},
        "fps": str(clip.fps),
        "samples": samples,
        "summary": summarise(records),
        "records": records,
    }
    return Outcome(record, {**films, SIDE_BY_SIDE: _side_by_side(compared)})


def write_outcome(record: Path, folder: Path, facts: Mapping[str, Any], outcome: Outcome) -> None:
    """Write every film as ``{folder}/{name}.mkv`` and ``.mp4`` (preview) and, last, the record with `facts`."""
    for name, film in outcome.films.items():
        clips_.write(folder / f"{name}.mkv", film)
        clips_.write_preview(folder / f"{name}.mp4", film)
    write_json(record, {**facts, **outcome.record})


@dataclass(frozen=True)
class _Question:
    """What is given, what is the answer, and where in what a method returns the answer stands."""

    origin: int
    given: Clip
    truth: Frames
    answer: range
    length: int


def _questions(clip: Clip, split: HoldOut) -> list[_Question]:
    frames = clip.frames
    if split.kind is Kind.PREDICTION:
        return [
            _Question(
                origin=origin,
                given=Clip(frames[: origin + 1], clip.fps),
                truth=frames[origin + 1 : origin + 1 + split.horizon],
                answer=range(origin + 1, origin + 1 + split.horizon),
                length=origin + 1 + split.horizon,
            )
            for origin in find_origins(len(frames), split)
        ]
    if split.kind is Kind.SUPER_RESOLUTION:
        length = len(frames)
        return [_Question(0, known_clip(clip, split), divisible(frames, split.factor), range(length), length)]
    given, held = alternate(len(frames))
    length = len(given) + len(held)
    return [_Question(0, Clip(frames[list(given)], clip.fps / 2), frames[list(held)], range(1, length, 2), length)]


def _ask(
    method: Method,
    request: SampleRequest,
    seeds: Sequence[int],
    questions: Sequence[_Question],
    config: MethodConfig,
    job: Job,
    weights: Mode,
) -> tuple[dict[int, list[Frames]], dict[str, Any]]:
    """The method's answers by seed, and what each sample took."""
    answers: dict[int, list[Frames]] = {seed: [] for seed in seeds}
    takes: dict[int, list[dict[str, Any]]] = {seed: [] for seed in seeds}
    todo = [(seed, question) for seed in seeds for question in questions]
    for number, (seed, question) in enumerate(todo, 1):
        asked = SampleRequest(**{**vars(request), "seed": seed})
        with TemporaryDirectory() as scratch:  # of the frames that are given, not of the clip
            given, made = Inputs(clip=question.given), Path(scratch)
            inputs = prepare(method, request.task, given, config, made, weights=weights, device=job.device)
            sample, record = draw(method, asked, inputs, config, job)
        answers[seed].append(_checked(method, question, sample.frames))
        takes[seed].append(record)
        log.info("seed %d, origin %d: draw %d of %d", seed, question.origin, number, len(todo))
    return answers, {str(seed): _summary(records) for seed, records in takes.items()}


def _checked(method: Method, question: _Question, frames: Frames) -> Frames:
    """The answer among the frames that a method returned."""
    where = f"method '{method.name}', origin {question.origin}"
    expected = (question.length, *question.truth.shape[1:])
    if frames.shape != expected:
        text = "x".join(map(str, expected[:3]))
        problem = f"returned {'x'.join(map(str, frames.shape[:3]))} (frames x height x width), expected {text}"
        raise MethodError(where, problem, "a test needs all frames of what was asked for, in its size")
    given_back = np.delete(frames, list(question.answer), axis=0)
    if len(given_back) and (given_back != question.given.frames).any():
        raise MethodError(where, "did not return the given frames unchanged", "put them among the new ones as they are")
    return frames[list(question.answer)]


def _summary(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The record of a sample: seconds are the mean of its draws, memory is their peak."""
    first = {key: value for key, value in records[0].items() if key not in ("size", "fps")}
    return {
        **first,
        "draws": len(records),
        "seconds": float(np.mean([record["seconds"] for record in records])),
        "peak_memory_mb": max(record["peak_memory_mb"] for record in records),
    }


def _baselines(question: _Question, split: HoldOut, flow: FlowEstimator) -> dict[str, Frames]:
    if split.kind is Kind.PREDICTION:
        return baselines.predict(question.given.frames, split.horizon, flow)
    if split.kind is Kind.SUPER_RESOLUTION:
        return baselines.enlarge(question.given.frames, *question.truth.shape[1:3])
    return baselines.interpolate(question.given.frames, flow)


def _shots(questions: Sequence[_Question], answers: Sequence[Frames], split: HoldOut) -> list[Shot]:
    """Predictions as they are measured: an interpolated frame is one frame after the given one before it; an enlarged
    one stands at its own."""
    pairs = zip(questions, answers, strict=True)
    if split.kind is Kind.PREDICTION:
        return [Shot(question.origin, frames, question.truth) for question, frames in pairs]
    back = 1 if split.kind is Kind.INTERPOLATION else 0
    return [
        Shot(at - back, frame[None], real[None])
        for question, frames in pairs
        for at, frame, real in zip(question.answer, frames, question.truth, strict=True)
    ]


def _film(clip: Clip, question: _Question, answer: Frames, split: HoldOut) -> Clip:
    """The answer in its place: after as many known frames as there are new ones, or between the given ones."""
    if split.kind is Kind.PREDICTION:
        known = past_length(len(clip.frames), split.keep)
        before = clip.frames[max(known - split.horizon, 0) : known]
        return Clip(np.concatenate([before, answer]), clip.fps)
    if split.kind is Kind.SUPER_RESOLUTION:
        return Clip(answer, clip.fps)
    frames = clip.frames[: question.length].copy()
    frames[list(question.answer)] = answer
    return Clip(frames, clip.fps)


def _side_by_side(films: Sequence[Clip]) -> Clip:
    frames, height, _ = films[0].size
    gap = np.full((frames, height, _GAP, 3), _GREY, np.uint8)
    parts = [part for film in films for part in (film.frames, gap)][:-1]
    return Clip(np.concatenate(parts, axis=2), films[0].fps)
