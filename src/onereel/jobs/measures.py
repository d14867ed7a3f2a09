"""The measures of the field on known edits: every editor's outputs and those made from the truth, and how far each
measure agrees with what the judge says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from onereel.base.errors import OnereelError
from onereel.base.files import read_json, write_json
from onereel.base.progress import Progress
from onereel.jobs.edits import read_scores, write_scores
from onereel.metrics.base import Context
from onereel.metrics.edits import Judge, Judgement, externals, read_edits_config
from onereel.metrics.edits.scoring import FITS, EditorScores, Outputs, Scores, fitted
from onereel.metrics.edits.summary import MOVED
from onereel.metrics.extracts import flows
from onereel.metrics.measures import Edit, Measured, measure_edits
from onereel.metrics.measures.agreement import Agreement, agreements
from onereel.scenes.world import EditSet, KnownEdit
from onereel.video.clip import Frames
from onereel.weights.entries import Mode

FLOW = "raft-world"
"""What estimates motion on worlds: TV-L1 misses most of it there."""


def measure_editor(
    editor: str, outputs: Outputs, asked: EditSet, align: str, *, weights: Mode, out: Path, progress: Progress
) -> None:
    """Measures of one editor's outputs, as JSON.

    Args:
        editor: its name.
        outputs: videos by the edits' names.
        asked: the known edits.
        align: what may be done to outputs that do not fit.
        weights: of CLIP and what else measures; motion is estimated by `FLOW`.
        out: JSON file.
        progress: watches the edits.
    """
    missing: dict[str, str] = {}

    def edits() -> Iterator[Edit]:
        for known in asked.edits():
            if known.name not in outputs:
                missing[known.name] = "no output"
                continue
            try:
                output = fitted(known, outputs[known.name], FITS[FITS.index(align)])
            except OnereelError as error:
                missing[known.name] = str(error)
                continue
            yield as_edit(known, output)

    found = measure_edits(
        edits(), context=_context(weights), missing=missing, total=len(asked.requests), progress=progress
    )
    write_measured({editor: found}, out)


def measure_calibration(
    asked: EditSet,
    names: Sequence[str],
    *,
    weights: Mode,
    measured: Path,
    scores: Path,
    progress: Progress,
    most: int,
) -> None:
    """Measures of outputs that are made from the truth, and what the judge says of them, as JSON; edit by edit, so
    that memory does not grow with their number, and what both need (flow) is computed once.

    Args:
        asked: the known edits.
        names: of `EXTERNALS`.
        weights: as in `measure_editor`.
        measured, scores: JSON files, as `write_measured` and `write_scores` write them.
        progress: watches the edits.
        most: edits of every kind, the first ones.
    """
    context = _context(weights)
    judge = Judge(thresholds=read_edits_config().thresholds, flow=_SharedFlow(context))
    found = {name: Measured() for name in names}
    said = {name: EditorScores(calibration=True) for name in names}
    jobs = list(_made_from_truth(asked, names, most))
    for known, outputs in progress(jobs, total=len(jobs), label="edits"):
        (question,) = judge.questions([known])
        for name, output in outputs.items():
            _add(found[name], measure_edits([as_edit(known, output)], context=context))
            said[name].judgements.extend(judge.judge([question], [output]))
    write_measured(found, measured)
    write_scores(Scores(said, {}, judge.titles), scores)


def _made_from_truth(asked: EditSet, names: Sequence[str], most: int) -> Iterator[tuple[KnownEdit, dict[str, Frames]]]:
    """The first edits of every kind, with the outputs of those names."""
    for kind in asked.kinds:
        # One more than is measured: some outputs for an edit are made from the next one, as the judge saw them.
        number = min(asked.number, most + 1)
        edits = list(asked.model_copy(update={"kinds": (kind,), "number": number}).edits())
        outputs = {name: externals(edits, name) for name in names}
        for index, known in enumerate(edits[:most]):
            yield known, {name: made[index] for name, made in outputs.items()}


class _SharedFlow:
    """The flow that measures have found, for the judge: it takes longer than all else that either does."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.title = context.resolve("flow").printed

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Of consecutive frames of one clip alone; see `FlowEstimator.estimate`."""
        found: np.ndarray = flows(np.concatenate([first, second[-1:]]), self._context)["forward"]
        return found


def as_edit(known: KnownEdit, output: Frames) -> Edit:
    """An output for a known edit, as measures take it."""
    return Edit(
        name=known.name,
        source=known.source,
        output=output,
        prompt=known.prompt,
        source_prompt=known.source_prompt,
        mask=known.mask,
        kind=known.kind,
        moves=known.kind in MOVED,
        truth=known.answer,
    )


def write_measured(found: Mapping[str, Measured], out: Path) -> None:
    """What was measured, by editor, as JSON."""
    write_json(out, TypeAdapter(dict[str, Measured]).dump_python(dict(found), mode="json"))


def read_measured(paths: Sequence[Path]) -> dict[str, Measured]:
    """What `write_measured` wrote, of several files; one editor's may stand in several."""
    found: dict[str, Measured] = defaultdict(Measured)
    for path in paths:
        for name, one in TypeAdapter(dict[str, Measured]).validate_python(read_json(path)).items():
            _add(found[name], one)
    return dict(found)


def agree(measured: Sequence[Path], scores: Sequence[Path], out: Path) -> list[Agreement]:
    """How far every measure agrees with truth, as JSON.

    Args:
        measured: files of `write_measured`.
        scores: the judge's, of the same editors.
        out: JSON file.
    """
    judged: dict[str, list[Judgement]] = defaultdict(list)
    for path in scores:
        for name, one in read_scores(path).editors.items():
            judged[name].extend(one.judgements)
    found = agreements(read_measured(measured), judged)
    content: dict[str, Any] = {"agreements": TypeAdapter(list[Agreement]).dump_python(found, mode="json")}
    write_json(out, content)
    return found


def read_agreements(path: Path) -> list[Agreement]:
    """What `agree` wrote."""
    return TypeAdapter(list[Agreement]).validate_python(read_json(path)["agreements"])


def _context(weights: Mode) -> Context:
    return Context(weights=weights, names={"flow": FLOW})


def _add(to: Measured, one: Measured) -> None:
    to.records.extend(one.records)
    to.left_out.update(one.left_out)
    to.motion.update(one.motion)
    to.still.extend(one.still)
    to.missing.update(one.missing)
    to.may_change.update(one.may_change)
