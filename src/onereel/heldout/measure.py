"""Predicted frames against the real ones: PSNR and SSIM of single frames, as in `onereel.metrics`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onereel.metrics.aggregate import mean_interval
from onereel.metrics.psnr import PEAK, PSNR
from onereel.metrics.ssim import SSIM
from onereel.video.clip import Frames


@dataclass(frozen=True)
class Shot:
    """What was predicted from one origin.

    Attributes:
        origin: index in the clip of the last frame given before it; of an enlarged frame, its own.
        frames: (N, H, W, 3) uint8, the 1st to the Nth frame after the origin.
        truth: the real ones, of the same shape.
    """

    origin: int
    frames: Frames
    truth: Frames


def measure(source: str, seed: int | None, shots: Sequence[Shot]) -> list[dict[str, Any]]:
    """PSNR and SSIM of every frame of one sample of a method, or of a baseline.

    Equal frames have no finite PSNR. Where all frames of the sample are equal to the real ones it is infinite; where
    only some are, they get the largest that a frame of that size can have, as in `onereel.metrics.psnr`, so that one
    still moment does not make a mean infinite.

    Args:
        source: ``"method"``, or the baseline's name.
        seed: of the sample; None for a baseline.
        shots: at least one.

    Returns: JSON-ready records, one per metric and frame.
    """
    psnr, ssim = PSNR(), SSIM()
    errors = [psnr.statistics(psnr.extract(shot.truth), psnr.extract(shot.frames)) for shot in shots]
    least = 1 / shots[0].truth[0].size
    perfect = not any(part.any() for part in errors)
    similar = [ssim.statistics(ssim.extract(shot.truth), ssim.extract(shot.frames)) for shot in shots]
    noise = [np.full(len(part), math.inf) if perfect else _decibels(part, least) for part in errors]
    return [
        record
        for metric, values in ((psnr, noise), (ssim, similar))
        for record in _records(metric, source, seed, shots, values)
    ]


def summarise(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean, 95 % interval and n by source, then metric: over all frames (``all``) and for every step ahead (``1``, …).

    Values are those of one sample from one origin; for ``all``, the mean of its frames.
    """
    summary: dict[str, dict[str, Any]] = {}
    for source, metric in dict.fromkeys((record["source"], record["metric"]) for record in records):
        mine = [record for record in records if (record["source"], record["metric"]) == (source, metric)]
        steps: dict[str, list[float]] = {"all": frame_means(mine)}
        for record in mine:
            steps.setdefault(str(record["ahead"]), []).append(record["value"])
        parts = {step: mean_interval(values)._asdict() for step, values in steps.items()}
        summary.setdefault(source, {})[metric] = parts
    return summary


def frame_means(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Mean over the frames of every sample from every origin.

    Args:
        records: of one source and metric; `value` of infinite ones must be infinite.
    """
    shots: dict[tuple[int | None, int], list[float]] = {}
    for record in records:
        shots.setdefault((record["seed"], record["origin"]), []).append(record["value"])
    return [float(np.mean(values)) for values in shots.values()]


def _decibels(errors: np.ndarray, least: float) -> np.ndarray:
    return 10 * np.log10(PEAK**2 / np.maximum(errors, least))


def _records(
    metric: PSNR | SSIM, source: str, seed: int | None, shots: Sequence[Shot], values: Sequence[np.ndarray]
) -> Iterator[dict[str, Any]]:
    for shot, part in zip(shots, values, strict=True):
        for ahead, value in enumerate(part, 1):
            yield {
                "metric": metric.name,
                "source": source,
                "seed": seed,
                "origin": shot.origin,
                "ahead": ahead,
                "value": float(value),
                "note": "infinite: equal to the truth" if math.isinf(value) else "",
            }
