"""One scale for methods that were compared in pairs: Bradley-Terry with ties, in Elo points."""

import evalica
import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from onereel.studies.design import NOT_SURE
from onereel.studies.intervals import Estimate, over_draws

_ELO = 400  # points that make odds of ten to one
_LIMIT = 10_000  # steps of the solver, which needs some hundred
_TOLERANCE = 1e-7
_RESAMPLES = 300


def bradley_terry(votes: pd.DataFrame, *, seed: int = 0, resamples: int = _RESAMPLES) -> dict[str, Estimate]:
    """Strengths of methods by name, in Elo points around their mean; 400 points are odds of ten to one.

    Davidson's model, in which a tie has a probability of its own (Newman 2023, who solves it); intervals from drawing
    raters and items anew, as `onereel.studies.intervals.clustered`.

    Args:
        votes: of 2AFC.
        seed: of the draws.
        resamples: how many.

    Returns: nothing where some methods were never beaten by the rest, or never compared with it: their strength has no
    bound.
    """
    names = sorted({method for pair in votes["methods"] for method in pair})
    place = {name: index for index, name in enumerate(names)}
    first, second = (np.array([place[pair[side]] for pair in votes["methods"]], dtype=int) for side in (0, 1))
    tied = (votes["choice"] == NOT_SURE).to_numpy()
    won = np.array([place.get(choice, -1) for choice in votes["choice"]], dtype=int)
    _, rater = np.unique(votes["rater"], return_inverse=True)
    _, item = np.unique(votes["item"], return_inverse=True)
    count = len(names)

    def strengths(weight: np.ndarray) -> np.ndarray | None:
        wins, ties = np.zeros((count, count)), np.zeros((count, count))
        lost = np.where(won == first, second, first)
        np.add.at(wins, (won[~tied], lost[~tied]), weight[~tied])
        np.add.at(ties, (first[tied], second[tied]), weight[tied])
        return _elo(wins, ties + ties.T)

    found = strengths(np.ones(len(votes)))
    if found is None:
        return {}

    rng, drawn = np.random.default_rng(seed), list[np.ndarray | None]()
    for _ in range(resamples):
        of_rater, of_item = (_draw(rng, names_of.max() + 1) for names_of in (rater, item))
        drawn.append(strengths((of_rater[rater] * of_item[item]).astype(float)))
    return {
        name: over_draws(float(found[index]), [None if one is None else float(one[index]) for one in drawn], len(votes))
        for name, index in place.items()
    }


def _draw(rng: np.random.Generator, count: int) -> np.ndarray:
    """How often each of them is drawn."""
    return np.bincount(rng.integers(count, size=count), minlength=count)


def _elo(wins: np.ndarray, ties: np.ndarray) -> np.ndarray | None:
    beaten = wins + ties
    parts, _ = connected_components(csr_array(beaten > 0), directed=True, connection="strong")
    if parts > 1 or not wins.any():
        return None
    rows = [(one, other) for one, other in zip(*np.nonzero(np.triu(beaten + beaten.T, 1)), strict=True)]
    xs, ys, winners, weights = [], [], [], []
    for one, other in rows:
        for winner, weight in (
            (evalica.Winner.X, wins[one, other]),
            (evalica.Winner.Y, wins[other, one]),
            (evalica.Winner.Draw, ties[one, other]),
        ):
            if weight > 0:
                xs.append(str(one))
                ys.append(str(other))
                winners.append(winner)
                weights.append(float(weight))
    solved = evalica.newman(
        xs, ys, winners, index=pd.Index([str(number) for number in range(len(wins))]), weights=weights,
        tolerance=_TOLERANCE, limit=_LIMIT,
    )  # fmt: skip
    scores = np.array([solved.scores[str(number)] for number in range(len(wins))])
    if solved.iterations >= _LIMIT or not np.all(scores > 0):
        return None
    points = _ELO * np.log10(scores)
    return np.asarray(points - points.mean())
