"""Measuring samples of one clip with any metrics: checks first, one record per value, a summary of them."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onereel.base.errors import ClipError, MetricError, OnereelError, WeightsError
from onereel.base.names import did_you_mean
from onereel.base.progress import Progress, no_progress
from onereel.metrics.aggregate import summarise
from onereel.metrics.align import Aligned, align_clips
from onereel.metrics.base import Context, FlowOf, Metric
from onereel.video.clip import Clip
from onereel.weights.entries import Mode
from onereel.weights.store import Weights

_NO_FRAMES = np.empty((0, 0, 0, 3), np.uint8)
log = logging.getLogger(__name__)


def evaluate(
    reference: Clip | None,
    samples: Mapping[str, Clip],
    *,
    metrics: Sequence[str] | None = None,
    weights: Mode = "auto",
    align: str = "",
    prompt: str = "",
    flow_of: FlowOf = "sample",
    strict: bool = True,
    device: torch.device | str = "cpu",
    cache: Path | None = None,
    store: Weights | None = None,
    progress: Progress = no_progress,
    keep: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Measure samples against the clip that they were made from.

    Args:
        reference: the input clip; None for samples that were made of none, of which metrics that compare are left out.
        samples: samples by name.
        metrics: names; None measures all that can be computed here, and leaves out the others.
        weights: extractors' weights: "real", "stand-in", or "auto": real where present.
        align: what to do with samples of another length or size, as in `align.align_clips`.
        prompt: what samples should show, for prompt consistency; empty where nobody said.
        flow_of: whose motion samples should have, for the warp error: "source" for edits, else "sample".
        strict: refuse a metric that was named and cannot be computed of these clips; else it is left out. Weights that
            are missing are never left out of what was named.
        device: where networks and searches run.
        cache: folder in which statistics are kept; the same frames, weights and protocol are not computed again.
        store: where weights are; the project's own store without one.
        progress: watches the values.
        keep: called with the result of the metrics that are finished, where Ctrl-C or SIGTERM ends the evaluation.

    Returns: a JSON-ready dict:
        ``records``: one per value: metric, title, column (the title, with the stand-in's name where weights stand in),
        sample (None for a value of the whole run), value (None where it is not defined), note
        (why), unit, better, extractor, weights (title and 12 digits of the sha256), stand_in, protocol, n (samples
        behind the value); ``left_out``: by metric, why it could not be computed; ``summary``: per metric mean, low,
        high, n, column, better, unit, stand_in; ``align``: what was done to make clips comparable; ``reference``:
        frames, height, width, fps of the input as compared, None without one.

    Raises: MetricError for an unknown metric, no sample, clips that do not compare; WeightsError for missing weights.
    """
    chosen = [one for one in _choose(metrics) if metrics is not None or _meant_for(one, samples)]
    if not samples:
        raise MetricError("evaluation", "there are no samples", "name a folder with at least one video")
    aligned = align_clips(reference, samples, align) if reference else Aligned(None, samples, "", equal=False)
    context = Context(weights=weights, store=store, device=device, cache=cache, prompt=prompt, flow_of=flow_of)
    tried = _Attempts(_tolerated(named=metrics is not None, strict=strict))
    for metric in chosen:  # missing weights are found before hours of work, not after
        with tried.one(metric):
            _check(metric, aligned, context)
    jobs = [
        (metric, name) for metric in chosen if metric.name not in tried.refused for name in _targets(metric, aligned)
    ]
    records: list[dict[str, Any]] = []
    try:
        for metric, name in progress(jobs, total=len(jobs), label="measure"):
            if metric.name not in tried.refused:
                with tried.one(metric):
                    records.append(_record(metric, name, aligned, context))
    except (KeyboardInterrupt, SystemExit):
        if keep is not None and records:
            keep(_result(records, {**_unfinished(jobs, records), **tried.refused}, aligned))
        raise
    return _result(records, tried.refused, aligned)


def _result(records: Sequence[dict[str, Any]], left_out: Mapping[str, str], aligned: Aligned) -> dict[str, Any]:
    # A mean over the samples that are left would be the mean of something else.
    kept = [record for record in records if record["metric"] not in left_out]
    return {
        "records": kept,
        "left_out": dict(left_out),
        "summary": summarise(kept),
        "align": aligned.text,
        "reference": _size(aligned.reference) if aligned.reference else None,
    }


def _unfinished(jobs: Sequence[tuple[Metric, str | None]], records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Metrics of which values are missing, and how many there are."""
    wanted = Counter(metric.name for metric, _ in jobs)
    there = Counter(record["metric"] for record in records)
    return {
        name: f"interrupted with {there[name]} of {count} values"
        for name, count in wanted.items()
        if there[name] < count
    }


def _size(clip: Clip) -> dict[str, Any]:
    frames, height, width = clip.size
    return {"frames": frames, "height": height, "width": width, "fps": str(clip.fps)}


class _Attempts:
    """Attempts at metrics; those that may fail and do are refused, each with its reason."""

    def __init__(self, tolerated: tuple[type[OnereelError], ...]) -> None:
        self._tolerated = tolerated
        self.refused: dict[str, str] = {}

    @contextmanager
    def one(self, metric: Metric) -> Iterator[None]:
        try:
            yield
        except self._tolerated as error:
            self.refused[metric.name] = str(error).removeprefix(f"{metric.name}: ")
            log.info("%s is left out: %s", metric.name, self.refused[metric.name])


def _tolerated(*, named: bool, strict: bool) -> tuple[type[OnereelError], ...]:
    """Errors that leave a metric out."""
    if not named:
        return MetricError, ClipError, WeightsError
    return () if strict else (MetricError, ClipError)


def format_summary(result: Mapping[str, Any]) -> str:
    """The summary of `evaluate` as a text table for a terminal, with what was aligned and whether weights stand in."""
    head = ("metric", "mean", "95 % interval", "n", "better")
    rows = [head, *(_row(entry) for entry in result["summary"].values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if result["align"]:
        lines.append(f"Aligned: {result['align']}.")
    lines += [f"{name} is left out: {reason}" for name, reason in result["left_out"].items()]
    if any(entry["stand_in"] for entry in result["summary"].values()):
        lines.append("Columns with a name in brackets come from stand-in weights: they do not compare with papers.")
    return "\n".join(lines)


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    unit = f" {entry['unit']}" if entry["unit"] else ""
    mean = "-" if entry["mean"] is None else f"{entry['mean']:.4g}{unit}"
    interval = "-" if entry["low"] is None else f"{entry['low']:.4g} to {entry['high']:.4g}"
    return entry["column"], mean, interval, str(entry["n"]), entry["better"] or "-"


def _choose(names: Sequence[str] | None) -> list[Metric]:
    from onereel.metrics.registry import REGISTRY

    if names is None:
        return list(REGISTRY.values())
    if not names:
        raise MetricError("evaluation", "no metric was named", f"choose from {', '.join(REGISTRY)}")
    for name in names:
        if name not in REGISTRY:
            raise MetricError(f"metric '{name}'", "no such metric", did_you_mean(name, REGISTRY))
    return [REGISTRY[name] for name in dict.fromkeys(names)]


def _meant_for(metric: Metric, samples: Mapping[str, Clip]) -> bool:
    """Whether a metric is one of such clips at all: of videos, those of single pictures are not even left out."""
    return metric.most_frames is None or all(clip.size[0] <= metric.most_frames for clip in samples.values())


def _check(metric: Metric, aligned: Aligned, context: Context) -> None:
    """Refuse a metric that is not defined for these clips, or has no weights: of pictures, those that look at motion.

    Raises: MetricError, WeightsError.
    """
    clips = [*aligned.samples.values(), *([aligned.reference] if aligned.reference else [])]
    shortest = min(clip.size[0] for clip in clips)
    if metric.needs_reference and not aligned.reference:
        raise MetricError(metric.name, "compares with the input clip, and there is none", "name other metrics")
    if metric.same_size and not aligned.equal:
        raise MetricError(metric.name, "needs samples of the input's length and size", "align them: crop, resize")
    if shortest < metric.least_frames:
        problem = f"needs {metric.least_frames} frames, the shortest clip has {shortest}"
        raise MetricError(metric.name, problem, "measure longer clips, or name other metrics")
    longest = max(clip.size[0] for clip in clips)
    if metric.most_frames is not None and longest > metric.most_frames:
        problem = f"is of single pictures, the longest clip has {longest} frames"
        raise MetricError(metric.name, problem, "name other metrics; sgfid is the same for videos")
    if metric.needs_prompt and not context.prompt:
        remedy = "say what the samples should show: --prompt, or a caption of the clip"
        raise MetricError(metric.name, "needs a prompt", remedy)
    if metric.extractor:
        context.resolve(metric.extractor)


def _targets(metric: Metric, aligned: Aligned) -> list[str | None]:
    return [None] if metric.scope == "run" else list(aligned.samples)


def _record(metric: Metric, name: str | None, aligned: Aligned, context: Context) -> dict[str, Any]:
    clips = list(aligned.samples.values()) if name is None else [aligned.samples[name]]
    try:
        reference = aligned.reference.frames if aligned.reference else _NO_FRAMES
        value = metric.measure(reference, [clip.frames for clip in clips], context)
    except (MetricError, ClipError) as error:
        where = error.where if name is None else f"sample '{name}', {error.where}"
        raise MetricError(where, error.problem, error.remedy) from None
    resolved = context.resolve(metric.extractor) if metric.extractor else None
    stand_in = resolved is not None and resolved.stand_in
    return {
        "metric": metric.name,
        "title": metric.title,
        "column": f"{metric.title} ({resolved.label})" if resolved and stand_in else metric.title,
        "sample": name,
        "value": None if math.isnan(value) else value,
        "note": _note(value),
        "unit": metric.unit,
        "better": metric.better,
        "extractor": metric.extractor_with(resolved),
        "weights": resolved.printed if resolved else None,
        "stand_in": stand_in,
        "protocol": {**metric.protocol_with(resolved), **_asked(metric, context)},
        "n": len(clips),
    }


def _asked(metric: Metric, context: Context) -> dict[str, str]:
    """What a value depends on besides the metric and the clips."""
    if metric.needs_prompt:
        return {"prompt": context.prompt}
    return {"flow_of": context.flow_of} if metric.extractor == "flow" else {}


def _note(value: float) -> str:
    if math.isnan(value):
        return "not defined for one sample"
    return "infinite: equal to the input" if math.isinf(value) else ""
