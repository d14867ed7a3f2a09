"""Means and bootstrap intervals."""

import math

import numpy as np
import pytest

from onereel.metrics.aggregate import mean_interval, over_clips, summarise


def test_one_value_has_no_interval():
    assert mean_interval([3.5]) == (3.5, None, None, 1)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([2.0] * 5) == (2.0, 2.0, 2.0, 5)


def test_the_interval_agrees_with_the_normal_one_for_many_values():
    values = np.random.default_rng(0).normal(10, 2, 400)
    found = mean_interval(list(values))
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_the_seed_decides_the_interval():
    values = [1.0, 2.0, 7.0, 8.0, 9.5, 11.0]
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1, draws=37) != mean_interval(values, seed=2, draws=37)


def test_infinite_values_stay_infinite_and_nan_is_refused():
    found = mean_interval([30.0, math.inf, math.inf])
    assert found.mean == math.inf
    assert found.high == math.inf
    assert not math.isnan(found.low)
    with pytest.raises(ValueError, match="NaN"):
        mean_interval([1.0, math.nan])
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
    with pytest.raises(ValueError, match="clip 'b'"):
        over_clips({"a": [1.0], "b": []})
    with pytest.raises(ValueError, match="no values"):
        over_clips({})


def test_every_clip_counts_alike_whatever_its_number_of_samples():
    found = over_clips({"a": [0.0] * 9, "b": [10.0]})
    assert found.mean == 5
    assert found.n == 10
    assert (found.low, found.high) == (0, 10)  # a quarter of the draws holds one clip twice


def test_the_hierarchical_interval_is_wider_than_one_over_pooled_samples():
    rng = np.random.default_rng(0)
    clips = {str(i): list(rng.normal(centre, 0.1, 10)) for i, centre in enumerate((1, 4, 2, 8, 5))}
    pooled = mean_interval([value for values in clips.values() for value in values])
    nested = over_clips(clips)
    assert nested.mean == pytest.approx(pooled.mean)
    assert nested.high - nested.low > 1.5 * (pooled.high - pooled.low)


def test_the_hierarchical_interval_is_that_of_a_plain_double_loop():
    clips = {"a": [1.0, 2.0, 4.0], "b": [10.0, 11.0], "c": [5.0]}
    rng, means = np.random.default_rng(7), []
    for _ in range(6000):
        drawn = [list(clips.values())[i] for i in rng.integers(3, size=3)]
        means.append(np.mean([np.mean(rng.choice(values, len(values))) for values in drawn]))
    low, high = np.percentile(means, [2.5, 97.5])
    found = over_clips(clips, draws=6000)
    assert found.low == pytest.approx(low, abs=0.3)
    assert found.high == pytest.approx(high, abs=0.3)


def record(metric, value, sample, n=1):
    shown = {"column": metric.upper(), "better": "lower", "unit": "", "stand_in": False}
    return {"metric": metric, "value": value, "sample": sample, "n": n, **shown}


def test_a_summary_has_one_entry_per_metric():
    records = [record("a", 1.0, "x"), record("a", 3.0, "y"), record("d", 0.4, None, n=2), record("e", None, None, n=1)]
    summary = summarise(records)
    assert list(summary) == ["a", "d", "e"]
    assert summary["a"]["mean"] == 2
    assert (summary["a"]["low"], summary["a"]["high"], summary["a"]["n"]) == (1, 3, 2)
    assert (summary["d"]["mean"], summary["d"]["low"], summary["d"]["n"]) == (0.4, None, 2)
    assert (summary["e"]["mean"], summary["e"]["n"]) == (None, 0)
    assert summary["a"]["column"] == "A"


@pytest.mark.parametrize("lengths", [(3,) * 12, (1,) * 7, (2, 2, 5, 1, 1, 1, 2), (4, 1)])
def test_clips_that_draw_together_draw_what_each_would_draw(lengths):
    """Every clip by itself, one after the other: what tables were made with before."""
    values = {str(index): np.random.default_rng(index).normal(size=length) for index, length in enumerate(lengths)}
    values["0"][0] = math.inf
    arrays, draws = list(values.values()), 300
    rng, total = np.random.default_rng(5), np.zeros(draws)
    for pick in rng.integers(len(arrays), size=(len(arrays), draws)):
        for index, array in enumerate(arrays):
            chosen = np.flatnonzero(pick == index)
            total[chosen] += array[rng.integers(len(array), size=(len(chosen), len(array)))].mean(axis=1)
    bounds = np.percentile(total / len(arrays), [2.5, 97.5], method="inverted_cdf")
    found = over_clips({name: list(array) for name, array in values.items()}, seed=5, draws=draws)
    assert (found.low, found.high) == tuple(bounds)
