"""Editors' outputs for a benchmark of known edits, measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from onereel import ingest
from onereel.base.errors import MetricError, OnereelError
from onereel.base.names import did_you_mean
from onereel.base.progress import Progress, no_progress
from onereel.metrics.align import resize_frames
from onereel.metrics.edits.benchmark import Benchmark
from onereel.metrics.edits.calibration import externals
from onereel.metrics.edits.judge import Judge, Judgement, Question, Unanswered
from onereel.metrics.edits.summary import reader_accuracy
from onereel.scenes.world import KnownEdit
from onereel.video.clip import Frames

Fit: TypeAlias = Literal["", "crop", "resize", "crop+resize"]
FITS: tuple[Fit, ...] = get_args(Fit)
Outputs: TypeAlias = Mapping[str, str]
"""Videos by the names of the edits that they answer."""


@dataclass(frozen=True)
class EditorScores:
    """What one editor made.

    Attributes:
        judgements: of its outputs, in the benchmark's order.
        missing: questions without a usable output.
        calibration: it is no editor, but made from the truth.
        preset: of a method of ours; empty for others.
    """

    judgements: list[Judgement] = field(default_factory=list)
    missing: list[Unanswered] = field(default_factory=list)
    calibration: bool = False
    preset: str = ""


@dataclass(frozen=True)
class Scores:
    """What was measured.

    Attributes:
        editors: by name; calibration rows follow.
        readers: accuracy of the classifiers on the true edits, by attribute.
        networks: titles of what reads, with checksums.
    """

    editors: dict[str, EditorScores]
    readers: dict[str, float]
    networks: tuple[str, ...]


def score(
    benchmark: Benchmark,
    editors: Mapping[str, Outputs],
    judge: Judge,
    *,
    align: Fit = "",
    calibration: Sequence[str] = (),
    progress: Progress = no_progress,
) -> Scores:
    """Measure every editor's output for every edit; kind by kind, so that memory does not grow with their number.

    Args:
        benchmark: the edits.
        editors: what each made.
        judge: measures.
        align: what may be done to outputs that do not fit: "crop" keeps the first frames, as many as the source has;
            "resize" scales to the source's height and width (bicubic, antialiased).
        calibration: names of `EXTERNALS` to be measured as well.
        progress: watches the kinds.

    Raises: MetricError if an editor answers none of the edits.
    """
    known = benchmark.settings.requests
    for name, outputs in editors.items():
        if not known.keys() & outputs.keys():
            some = next(iter(outputs), "")
            problem = f"none of its {len(outputs)} videos is called as an edit ('{some}')"
            raise MetricError(f"outputs of '{name}'", problem, did_you_mean(some, sorted(known)))
    found = {name: EditorScores() for name in editors}
    found |= {name: EditorScores(calibration=True) for name in calibration}
    questions: list[Question] = []
    for kind in progress(benchmark.settings.kinds, total=len(benchmark.settings.kinds), label="kinds of edits"):
        asked = judge.questions(list(benchmark.edits(kind)))
        for name, outputs in editors.items():
            _judge(asked, outputs, judge, align, found[name])
        edits = [question.edit for question in asked]
        for name in calibration:
            found[name].judgements.extend(judge.judge(asked, externals(edits, name)))
        questions += asked
    return Scores(found, reader_accuracy(questions), judge.titles)


def _judge(asked: Sequence[Question], outputs: Outputs, judge: Judge, align: Fit, found: EditorScores) -> None:
    ready: list[tuple[Question, Frames]] = []
    for question in asked:
        name = question.edit.name
        if name not in outputs:
            found.missing.append(Unanswered.of(question))
            continue
        try:
            ready.append((question, fitted(question.edit, outputs[name], align)))
        except OnereelError as error:
            found.missing.append(Unanswered.of(question, str(error)))
    found.judgements.extend(judge.judge([question for question, _ in ready], [frames for _, frames in ready]))


def fitted(edit: KnownEdit, source: str, align: Fit) -> Frames:
    """An output in the answer's size, as far as it may be brought there.

    Raises: MetricError for another length or size, or ClipError for what cannot be read.
    """
    output = ingest.load(source).frames
    frames, height, width, _ = edit.answer.shape
    if "crop" in align:
        output = output[:frames]
    if "resize" in align and output.shape[1:3] != (height, width):
        output = resize_frames(output, height, width)
    if len(output) != frames:
        remedy = "--align crop keeps the first" if len(output) > frames else "make as many as the source has"
        raise MetricError(f"'{source}'", f"has {len(output)} frames, the source {frames}", remedy)
    if output.shape != edit.answer.shape:
        problem = f"has {output.shape[1]}x{output.shape[2]} pixels (height x width), the source {height}x{width}"
        raise MetricError(f"'{source}'", problem, "--align resize scales it")
    return output
