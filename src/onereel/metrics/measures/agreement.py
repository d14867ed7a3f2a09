"""Which automatic measure agrees with truth? Rank correlations of the measures with the judge of known edits.

Dreamix (Molad et al. 2023, Sec. 7) leaves it open which automatic measure says what people see. On known edits the
right answer is there. Of every output there is a value of every measure and a judgement; Spearman's rho over all
outputs of all editors, for every kind of edits and over kinds, is the answer. It is signed so that 1 means: what the
measure calls better, truth does. Intervals are of a bootstrap that draws edits, with all editors' outputs for them:
outputs for one edit are no independent samples.

Two ways to look. ``pooled``: over all outputs, as a table of edits is read. ``within``: ranks among the outputs for
one edit, as a choice between editors is made; how hard an edit is does not count there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.stats import rankdata

from onereel.metrics.aggregate import DRAWS, LEVEL
from onereel.metrics.edits.judge import Judgement
from onereel.metrics.measures.evaluation import Measured
from onereel.metrics.measures.registry import MEASURES

Way: TypeAlias = Literal["pooled", "within"]
TRUTHS = ("success", "attribute_right", "others_kept", "psnr_truth", "ssim_truth")
"""What the judge says: the whole verdict first, then its parts."""
ALL = "all"
SAME = frozenset({"text_alignment_x100"})
"""Measures that are another one in another unit: they rank alike."""
_LEAST_EDITS = 3  # fewer say nothing about a kind
_FLAT = 1e-9  # spread of ranks, of their squares: rounding


@dataclass(frozen=True)
class Pair:
    """One output: of which edit and editor, what the measure says, and what truth says."""

    edit: str
    kind: str
    editor: str
    measure: float
    truth: float


@dataclass(frozen=True)
class Agreement:
    """How a measure and truth agree.

    Attributes:
        measure, truth, kind, way: of what.
        rho: Spearman's, signed so that 1 is agreement; None where measure or truth is the same for all outputs, or
            fewer than three edits have both.
        low, high: bounds of the 95 % interval; None where rho is None, or most resamples have none.
        edits, outputs: how many.
        note: why rho is None.
    """

    measure: str
    truth: str
    kind: str
    way: Way
    rho: float | None
    low: float | None
    high: float | None
    edits: int
    outputs: int
    note: str = ""


def pairs_of(
    measured: Mapping[str, Measured], judged: Mapping[str, Sequence[Judgement]], measure: str, truth: str
) -> list[Pair]:
    """Outputs of which both the measure and the truth have a value.

    Args:
        measured, judged: by editor.
        measure: of `MEASURES`.
        truth: of `TRUTHS`.
    """
    found = []
    sign = -1.0 if MEASURES[measure].better == "lower" else 1.0
    for editor, judgements in judged.items():
        values = measured[editor].values(measure) if editor in measured else {}
        for one in judgements:
            known = getattr(one, truth)
            if one.name in values and known is not None:
                found.append(Pair(one.name, one.kind, editor, sign * values[one.name], float(known)))
    return found


def agreements(
    measured: Mapping[str, Measured],
    judged: Mapping[str, Sequence[Judgement]],
    *,
    truths: Iterable[str] = TRUTHS,
    ways: Iterable[Way] = ("pooled", "within"),
    draws: int = DRAWS,
) -> list[Agreement]:
    """Of every measure that has values, with every truth, for every kind and for all kinds (the mean over kinds)."""
    names = [name for name in MEASURES if name not in SAME and any(one.values(name) for one in measured.values())]
    found = []
    for truth in truths:
        for name in names:
            pairs = pairs_of(measured, judged, name, truth)
            for way in ways:
                found += _of_kinds(pairs, name, truth, way, draws)
    return found


def agreement(pairs: Sequence[Pair], *, way: Way = "pooled", draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Of outputs of one kind; measure, truth and kind are left empty.

    Args:
        pairs: outputs.
        way: see the module.
        draws: resamples of edits.
        seed: of the bootstrap.
    """
    sums = _sums(pairs, way)
    count, outputs = len(sums), int(sums[:, 0].sum())
    if len(sums) < _LEAST_EDITS:
        return Agreement("", "", "", way, None, None, None, count, outputs, f"fewer than {_LEAST_EDITS} edits")
    rho = _known(_correlations(sums.sum(0, keepdims=True))[0])
    if rho is None:
        return Agreement("", "", "", way, None, None, None, count, outputs, _why(sums))
    low, high = _bounds(_resampled(sums, np.random.default_rng(seed), draws))
    return Agreement("", "", "", way, rho, low, high, count, outputs)


def _of_kinds(pairs: Sequence[Pair], measure: str, truth: str, way: Way, draws: int) -> list[Agreement]:
    by_kind: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_kind[pair.kind].append(pair)
    found = [
        Agreement(**{**vars(agreement(group, way=way, draws=draws)), "measure": measure, "truth": truth, "kind": kind})
        for kind, group in by_kind.items()
    ]
    return [*found, _over_kinds(by_kind, measure, truth, way, draws)]


def _over_kinds(by_kind: Mapping[str, Sequence[Pair]], measure: str, truth: str, way: Way, draws: int) -> Agreement:
    """The mean of the kinds' rhos; edits are drawn kind by kind."""
    groups = [made for pairs in by_kind.values() if len(made := _sums(pairs, way)) >= _LEAST_EDITS]
    rhos = [_known(_correlations(sums.sum(0, keepdims=True))[0]) for sums in groups]
    known = [(rho, sums) for rho, sums in zip(rhos, groups, strict=True) if rho is not None]
    count, outputs = sum(len(sums) for _, sums in known), int(sum(sums[:, 0].sum() for _, sums in known))
    if not known:
        return Agreement(measure, truth, ALL, way, None, None, None, count, outputs, "no kind has one")
    rng = np.random.default_rng(0)
    drawn = np.stack([_resampled(sums, rng, draws) for _, sums in known])  # (kinds, draws)
    counted = np.isfinite(drawn)
    means = np.where(counted, drawn, 0).sum(0) / np.maximum(counted.sum(0), 1)
    low, high = _bounds(np.where(counted.any(0), means, np.nan))
    mean = float(np.mean([rho for rho, _ in known]))
    told = f"mean over {len(known)} of {len(by_kind)} kinds"
    return Agreement(measure, truth, ALL, way, mean, low, high, count, outputs, told)


def _sums(pairs: Sequence[Pair], way: Way) -> np.ndarray:
    """Of every edit, what a correlation is made of: (edits, 6): n, and the sums of x, y, xx, yy, xy, where x and y are
    ranks of measure and truth, among all outputs or among those for the edit.

    Ranks are taken once and kept in resamples, so that these are sums of matrices and not thousands of sortings.
    """
    if not pairs:
        return np.zeros((0, 6))
    edits = np.unique([pair.edit for pair in pairs], return_inverse=True)[1]
    values = np.array([(pair.measure, pair.truth) for pair in pairs])
    groups = [np.flatnonzero(edits == index) for index in range(edits.max() + 1)]
    if way == "within":
        groups = [group for group in groups if len(group) > 1]
        ranks = np.zeros_like(values)
        for group in groups:
            own = rankdata(values[group], axis=0)
            ranks[group] = own - own.mean(0)
    else:
        ranks = rankdata(values, axis=0)
    rows = []
    for group in groups:
        x, y = ranks[group].T
        rows.append((len(group), x.sum(), y.sum(), x @ x, y @ y, x @ y))
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _correlations(sums: np.ndarray) -> np.ndarray:
    """Pearson's r of rows of `_sums`; NaN where one side does not differ."""
    n, x, y, xx, yy, xy = sums.T
    n = np.maximum(n, 1)
    spread_x, spread_y = xx - x * x / n, yy - y * y / n
    flat = (spread_x <= _FLAT * np.maximum(xx, 1)) | (spread_y <= _FLAT * np.maximum(yy, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flat, np.nan, (xy - x * y / n) / np.sqrt(spread_x * spread_y))


def _resampled(sums: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws,) correlations of edits drawn with replacement."""
    chosen = rng.integers(len(sums), size=(draws, len(sums)))
    counts = np.stack([np.bincount(row, minlength=len(sums)) for row in chosen])
    return _correlations(counts @ sums)


def _why(sums: np.ndarray) -> str:
    n, x, _, xx, *_ = sums.sum(0)
    flat = xx - x * x / max(n, 1) <= _FLAT * max(xx, 1)
    return "the measure is the same for all outputs" if flat else "truth is the same for all outputs"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bounds(values: np.ndarray) -> tuple[float | None, float | None]:
    known = values[np.isfinite(values)]
    if len(known) * 2 < len(values):
        return None, None  # what is left would be the interval of luckier draws
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)
