"""The one place that averages: over samples, then over clips, with 95 % bootstrap intervals.

Intervals are percentile intervals (Efron 1979): values are drawn with replacement and averaged, `draws` times; the
2.5th and 97.5th percentile of the averages are the bounds. Percentiles are values that occurred (no interpolation), so
that infinite values, as PSNR has for equal clips, stay what they are instead of turning into NaN.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

LEVEL = 0.95
DRAWS = 2000


class Interval(NamedTuple):
    """A mean and where it may lie.

    Attributes:
        mean: of all values, or of all clips' means.
        low, high: bounds of the 95 % interval; None where one value says nothing about spread.
        n: how many values.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], *, seed: int = 0, draws: int = DRAWS) -> Interval:
    """Mean of values of one run.

    Infinite values make the mean infinite: dropping them would change what is averaged.

    Args:
        values: at least one, none of them NaN.
        seed: seed of the bootstrap.
        draws: how many resamples.

    Raises: ValueError for no value, or a NaN.
    """
    return over_clips({"": values}, seed=seed, draws=draws)


def over_clips(values: Mapping[str, Sequence[float]], *, seed: int = 0, draws: int = DRAWS) -> Interval:
    """Mean over the samples of every clip, then over clips; hierarchical bootstrap.

    Every resample draws clips with replacement, then samples of each drawn clip. With one clip only its samples are
    drawn: the interval then speaks of that clip, not of clips.

    Args:
        values: the samples' values by clip; at least one clip, at least one value each, no NaN.
        seed: seed of the bootstrap.
        draws: how many resamples.

    Raises: ValueError for no clip, a clip without a value, or a NaN.
    """
    arrays = [_checked(name, clip) for name, clip in values.items()]
    if not arrays:
        raise ValueError("no values to average")
    mean = float(np.mean([array.mean() for array in arrays]))
    count = sum(map(len, arrays))
    if count == 1:
        return Interval(mean, None, None, 1)
    rng = np.random.default_rng(seed)
    # One column per clip: `draws` means of its resampled values, enough for every time that it is drawn.
    rows = np.arange(draws)
    total = np.zeros(draws)
    for pick in rng.integers(len(arrays), size=(len(arrays), draws)):
        for index, array in enumerate(arrays):
            chosen = rows[pick == index]
            total[chosen] += array[rng.integers(len(array), size=(len(chosen), len(array)))].mean(axis=1)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(total / len(arrays), [tail, 100 - tail], method="inverted_cdf")
    return Interval(mean, float(low), float(high), count)


def summarise(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean and interval of every metric of one run's records.

    Records without a value (a metric that is not defined there) are left out; a metric without any value has mean None
    and n 0. A metric of scope ``run`` has one record, whose `n` counts the samples behind it.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        groups.setdefault(record["metric"], []).append(record)
    return {metric: _summary(group) for metric, group in groups.items()}


def _summary(group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = group[0]
    values = [record["value"] for record in group if record["value"] is not None]
    interval = mean_interval(values) if values else Interval(math.nan, None, None, 0)
    shown = {key: first[key] for key in ("column", "better", "unit", "stand_in")}
    mean = interval.mean if values else None
    count = first["n"] if first["sample"] is None and values else interval.n
    return {"mean": mean, "low": interval.low, "high": interval.high, "n": count, **shown}


def _checked(name: str, values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    of = f" of clip '{name}'" if name else ""
    if not len(array):
        raise ValueError(f"no values{of} to average")
    if np.isnan(array).any():
        raise ValueError(f"a value{of} is NaN: it has no mean")
    return array
