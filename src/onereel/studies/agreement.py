"""How much raters agree: Krippendorff's alpha, with intervals for other items and for other raters."""

from statistics import NormalDist

import evalica
import numpy as np
import pandas as pd

from onereel.studies.intervals import LEVEL, Estimate, over_draws

_RESAMPLES = 300


def alpha(votes: pd.DataFrame, column: str, *, ordinal: bool = False, seed: int = 0) -> dict[str, Estimate]:
    """Krippendorff's alpha of raters on items: 1 for perfect agreement, 0 for chance, below 0 for less than chance.

    Args:
        votes: with the columns ``rater``, ``item`` and `column`.
        column: what was said; numbers for an ordinal scale.
        ordinal: whether near points disagree less than far ones.
        seed: of the draws.

    Returns: the same value by ``items``, its interval from a bootstrap over items, and by ``raters``, from leaving out
    each rater once (jackknife): a rater who is drawn twice would agree with himself. Nothing where no item has two
    ratings.
    """
    codes = votes[column] if ordinal else votes[column].astype("category").cat.codes
    table = votes.assign(said=codes.astype(float)).pivot_table(index="rater", columns="item", values="said")
    distance = "ordinal" if ordinal else "nominal"
    value = _alpha(table, distance)
    if value is None:
        return {}

    rng, count = np.random.default_rng(seed), table.shape[1]
    drawn = [_alpha(table.iloc[:, rng.integers(count, size=count)], distance) for _ in range(_RESAMPLES)]
    return {"items": over_draws(value, drawn, len(votes)), "raters": _jackknife(table, value, distance, len(votes))}


def _alpha(table: pd.DataFrame, distance: str) -> float | None:
    try:
        return float(evalica.alpha(table, distance=distance).alpha)  # type: ignore[arg-type]
    except evalica.InsufficientRatingsError:
        return None


def _jackknife(table: pd.DataFrame, value: float, distance: str, n: int) -> Estimate:
    left = [_alpha(table.drop(index=rater), distance) for rater in table.index]
    found = np.array([one for one in left if one is not None])
    if len(found) < 3:
        return Estimate(value, None, None, n)
    error = np.sqrt((len(found) - 1) / len(found) * ((found - found.mean()) ** 2).sum())
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * float(error)
    return Estimate(value, max(value - reach, -1.0), min(value + reach, 1.0), n)
