"""The one place that averages: over samples, then over clips, with 95 % bootstrap intervals.

Intervals are percentile intervals (Efron 1979): values are drawn with replacement and averaged, `draws` times; the
2.5th and 97.5th percentile of the averages are the bounds. Percentiles are values that occurred (no interpolation), so
that infinite values, as PSNR has for equal clips, stay what they are instead of turning into NaN.
"""

import itertools
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
    alike = _of_equal_length(arrays)
    total = np.zeros(draws)
    for pick in rng.integers(len(arrays), size=(len(arrays), draws)):
        # The resamples by the clip that each has drawn: those of neighbours with as many samples draw them together.
        order = np.argsort(pick, kind="stable")
        for first, table in alike:
            begin, end = np.searchsorted(pick, (first, first + len(table)), sorter=order)
            chosen = order[begin:end]
            samples = rng.integers(table.shape[1], size=(len(chosen), table.shape[1]))
            total[chosen] += table[pick[chosen, None] - first, samples].mean(axis=1)
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


def _of_equal_length(arrays: Sequence[np.ndarray]) -> list[tuple[int, np.ndarray]]:
    """Neighbours of one length as the rows of one array, each with the index of its first."""
    found, first = [], 0
    for _, group in itertools.groupby(arrays, key=len):
        found.append((first, np.stack(list(group))))
        first += len(found[-1][1])
    return found


def _checked(name: str, values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    of = f" of clip '{name}'" if name else ""
    if not len(array):
        raise ValueError(f"no values{of} to average")
    if np.isnan(array).any():
        raise ValueError(f"a value{of} is NaN: it has no mean")
    return array
