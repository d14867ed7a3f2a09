"""Coherence, completeness, NNFDIV, NNFDIST: against slow oracles, identity, direction."""

import zlib

import numpy as np
import pytest
import torch

from onereel.base.errors import MetricError
from onereel.metrics import nnf_field
from onereel.metrics import patch_search as search
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import to_video
from tests.unit.metric_clips import blurred, noisy, shuffled, textured, tinted


def measure(name, reference, sample):
    return REGISTRY[name].measure(reference, [sample], Context(weights="stand-in"))


def patches(frames, patch):
    windows = np.lib.stride_tricks.sliding_window_view(frames / 127.5 - 1.0, patch, axis=(0, 1, 2))
    return windows.reshape(-1, 3 * int(np.prod(patch)))


def brute_force(queries, keys, patch):
    q, k = patches(queries, patch), patches(keys, patch)
    return np.array([np.square(k - row).mean(axis=1).min() for row in q])


@pytest.mark.parametrize("kind", ["moved", "noisy", "unrelated", "uniform noise"])
def test_nearest_errors_equal_brute_force(kind, monkeypatch):
    monkeypatch.setattr(search, "_KEYS", 40)  # many blocks, some of them one row
    monkeypatch.setattr(search, "_QUERIES", 33)
    keys = textured((5, 14, 16))
    queries = {
        "moved": np.roll(keys, (1, 2), axis=(0, 2)),
        "noisy": noisy(keys, 20),
        "unrelated": textured((4, 13, 17), seed=5),
        "uniform noise": np.random.default_rng(0).integers(0, 256, keys.shape, dtype=np.uint8),
    }[kind]
    patch = (3, 7, 7)
    positions = search.draw_positions(queries.shape[:3], patch, 10**6, seed=0)
    found = search.nearest_errors(to_video(queries), positions, to_video(keys), patch)
    np.testing.assert_allclose(found.numpy(), brute_force(queries, keys, patch), rtol=1e-4, atol=1e-9)


def test_a_whole_search_in_one_product_finds_the_same(monkeypatch):
    keys, queries = textured((4, 16, 16)), noisy(textured((4, 16, 16)), 60)
    positions = search.draw_positions(queries.shape[:3], (3, 7, 7), 100, seed=0)
    pruned = search.nearest_errors(to_video(queries), positions, to_video(keys), (3, 7, 7))
    monkeypatch.setattr(search, "_SPARSE", -1.0)
    dense = search.nearest_errors(to_video(queries), positions, to_video(keys), (3, 7, 7))
    np.testing.assert_allclose(dense.numpy(), pruned.numpy(), rtol=1e-4)


def test_drawn_positions_are_different_patches_and_depend_on_the_seed_only():
    one, again, other = (search.draw_positions((9, 40, 50), (3, 7, 7), 500, seed) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert len(torch.unique(one, dim=0)) == 500
    assert (one >= 0).all()
    assert (one <= torch.tensor([6, 33, 43])).all()


@pytest.mark.parametrize("name", ["coherence", "completeness", "nnfdist"])
def test_the_input_against_itself_is_exactly_zero(name):
    clip = textured()
    assert measure(name, clip, clip.copy()) == 0


@pytest.mark.parametrize("name", ["coherence", "completeness", "nnfdist"])
@pytest.mark.parametrize("spoil", [noisy, tinted])
def test_stronger_corruption_is_further_away(name, spoil):
    clip = textured()
    values = [measure(name, clip, spoil(clip, strength)) for strength in (4, 10, 25)]
    assert 0 < values[0] < values[1] < values[2]


@pytest.mark.parametrize("name", ["coherence", "completeness", "nnfdist"])
def test_blur_is_further_away(name):
    clip = textured()
    assert 0 < measure(name, clip, blurred(clip, 1)) < measure(name, clip, blurred(clip, 3))


def test_a_part_is_coherent_but_not_complete_and_a_superset_the_reverse():
    clip = textured((6, 32, 40))
    part = clip[:, :20, :24]
    assert measure("coherence", clip, part) == 0
    assert measure("completeness", clip, part) > 0
    assert measure("completeness", part, clip) == 0
    assert measure("coherence", part, clip) > 0


def test_other_sizes_are_refused_only_where_a_patch_does_not_fit():
    with pytest.raises(MetricError, match="does not fit into a clip of 2x32x40"):
        measure("coherence", textured(), textured()[:2])
    with pytest.raises(MetricError, match="nnfdiv of a clip of 2x32x40"):
        measure("nnfdiv", textured(), textured()[:2])


@pytest.mark.parametrize("name", ["nnfdiv", "nnfdiv_scaled"])
def test_a_copy_and_a_shift_have_a_field_that_compresses_to_nearly_nothing(name):
    clip = textured((8, 40, 48))
    elements = 3 * 6 * 38 * 46
    assert measure(name, clip, clip.copy()) == len(zlib.compress(bytes(elements))) / elements
    shifted = clip[:, 5:, 7:]
    assert measure(name, clip, shifted) < 0.02


@pytest.mark.parametrize("name", ["nnfdiv", "nnfdiv_scaled"])
def test_the_more_a_sample_rearranges_the_input_the_larger_nnfdiv(name):
    clip = textured()
    uniform = np.random.default_rng(0).integers(0, 256, clip.shape, dtype=np.uint8)
    values = [measure(name, clip, sample) for sample in (clip, clip[:, 5:, 7:], shuffled(clip), uniform)]
    assert values == sorted(values)
    assert values[2] > 10 * values[1]


@pytest.mark.parametrize("exact_pairs", [0, 10**12])
def test_both_searches_find_the_shift(exact_pairs, monkeypatch):
    monkeypatch.setattr(nnf_field, "EXACT_PAIRS", exact_pairs)
    clip = textured((8, 40, 48))
    offsets, distance = REGISTRY["nnfdiv"].extract(clip[1:, 5:, 7:], clip)
    assert offsets.shape == (5, 33, 39, 3)
    assert distance.max() < 1e-6
    assert (offsets == (1, 5, 7)).all(axis=-1).mean() > 0.95


def test_the_field_is_the_exact_one_for_small_clips():
    clip, other = textured((5, 12, 14)), textured((4, 10, 13), seed=3)
    _, distance = REGISTRY["nnfdist"].extract(other, clip)
    np.testing.assert_allclose(distance.ravel(), brute_force(other, clip, (3, 3, 3)), rtol=1e-3, atol=1e-6)
    assert measure("nnfdist", clip, other) == pytest.approx(brute_force(other, clip, (3, 3, 3)).mean(), rel=1e-3)


def test_ties_go_to_no_displacement():
    flat = np.full((5, 12, 12, 3), 77, np.uint8)
    offsets, distance = REGISTRY["nnfdiv"].extract(flat, flat)
    assert not offsets.any()
    assert not distance.any()


def test_the_two_casts_differ_as_documented():
    offsets = np.zeros((4, 6, 300, 3), np.int16)
    offsets[..., 2] = -3
    offsets[0, 0, 0] = (0, 5, 299)
    wrapped, scaled = REGISTRY["nnfdiv"].quantise(offsets), REGISTRY["nnfdiv_scaled"].quantise(offsets)
    assert tuple(wrapped[0, 0, 0]) == (0, 5, 43)
    assert tuple(wrapped[1, 1, 1]) == (0, 0, 253)
    assert tuple(scaled[0, 0, 0]) == (127, 129, 254)
    assert tuple(scaled[1, 1, 1]) == (127, 127, 126)
    assert REGISTRY["nnfdiv"].protocol()["name"] != REGISTRY["nnfdiv_scaled"].protocol()["name"]


@pytest.mark.peer
def test_the_baselines_of_the_authors_code_are_met(shared):
    """airballoons at 64 px: the input's own NNFDIV is 0.0011, as measured with the authors' code."""
    from onereel import ingest
    from onereel.metrics.align import resize_frames

    clip = resize_frames(ingest.load(shared / "data/clips/airballoons").frames[:13], 64, 114)
    assert measure("nnfdiv", clip, clip) == pytest.approx(0.0011, abs=5e-5)
