"""Values with 95 % intervals: Wilson's for independent votes, a bootstrap for votes that raters and items share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A value.

    Attributes:
        value: the value.
        low: lower end of its interval; None where it has none.
        high: upper end.
        n: number of what it was counted over.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit."""
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Estimate(self.value * factor, low, high, self.n)


def wilson(hits: int, n: int) -> Estimate | None:
    """Share of `hits` among `n` independent votes, in [0, 1], with Wilson's interval (1927); None for no votes."""
    if n == 0:
        return None
    interval = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high), n)


def clustered(
    values: np.ndarray, raters: np.ndarray, items: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate | None:
    """Mean of votes, with an interval for other raters and other items: both are drawn anew, independently.

    Two votes of a rater, or on an item, are no two witnesses. The pigeonhole bootstrap (Owen 2007) weighs a vote with
    the product of how often its rater and its item were drawn; it errs to the wide side.

    Args:
        values: (N,) numbers.
        raters: (N,) who said so.
        items: (N,) of what.
        seed: of the draws.
        resamples: how many.

    Returns: the estimate; None for no votes, without an interval for a single rater or item.
    """
    if len(values) == 0:
        return None
    rater_names, rater = np.unique(raters, return_inverse=True)
    item_names, item = np.unique(items, return_inverse=True)
    shape = len(rater_names), len(item_names)
    mean = float(np.mean(values))
    if min(shape) < 2:
        return Estimate(mean, None, None, len(values))
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (rater, item), values)
    np.add.at(count, (rater, item), 1.0)
    rng = np.random.default_rng(seed)
    of_raters, of_items = (rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float) for n in shape)
    weight = ((of_raters @ count) * of_items).sum(1)
    drawn = ((of_raters @ total) * of_items).sum(1)[weight > 0] / weight[weight > 0]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(mean, float(low), float(high), len(values))


def over_draws(value: float, drawn: Sequence[float | None], n: int) -> Estimate:
    """A value with the percentiles of what draws gave; without an interval where one in twenty gave nothing."""
    found = [one for one in drawn if one is not None and np.isfinite(one)]
    if len(found) < LEVEL * len(drawn) or not found:
        return Estimate(value, None, None, n)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n)
