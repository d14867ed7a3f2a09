"""SVFID and SGFID: the distance against known Gaussians, identity, direction, chunks."""

import numpy as np
import pytest
import torch

from onereel.base.errors import MetricError
from onereel.features.c3d import SVFIDProtocol
from onereel.metrics.base import Context
from onereel.metrics.frechet import Gaussian, frechet_distance, gaussian
from onereel.metrics.registry import REGISTRY
from onereel.metrics.svfid import SVFID
from tests.unit.metric_clips import blurred, frozen, noisy, shuffled, textured, tinted

NAMES = ("svfid", "sgfid", "sgfid64")


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(weights="stand-in")


def measure(name, reference, sample, context):
    return REGISTRY[name].measure(reference, [sample], context)


def random_gaussian(dimension, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(dimension, dimension))
    return Gaussian(rng.normal(size=dimension), root @ root.T / dimension, 1000)


def test_distance_of_one_dimensional_gaussians_is_the_textbook_formula():
    one, two = Gaussian(np.array([1.0]), np.array([[4.0]]), 9), Gaussian(np.array([4.0]), np.array([[25.0]]), 9)
    assert frechet_distance(one, two) == pytest.approx((4 - 1) ** 2 + (5 - 2) ** 2)


def test_distance_of_diagonal_gaussians_adds_up_over_axes():
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(2, 8)), rng.uniform(0.1, 3, size=(2, 8))
    sides = [Gaussian(m, np.diag(s**2), 9) for m, s in zip(means, deviations, strict=True)]
    expected = ((means[0] - means[1]) ** 2 + (deviations[0] - deviations[1]) ** 2).sum()
    assert frechet_distance(*sides) == pytest.approx(expected)


def test_distance_of_full_gaussians_agrees_with_a_symmetric_root():
    one, two = random_gaussian(24, 1), random_gaussian(24, 2)
    values, vectors = np.linalg.eigh(one.covariance)
    root = vectors * np.sqrt(values) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ two.covariance @ root)).sum()
    expected = ((one.mean - two.mean) ** 2).sum() + np.trace(one.covariance) + np.trace(two.covariance) - 2 * trace
    assert frechet_distance(one, two) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(two, one) == pytest.approx(expected, rel=1e-9)


def test_distance_of_singular_covariances_is_finite_and_never_negative():
    flat = Gaussian(np.zeros(6), np.diag([1.0, 1, 0, 0, 0, 0]), 3)
    assert 0 <= frechet_distance(flat, flat) < 1e-9
    assert frechet_distance(flat, Gaussian(np.ones(6), flat.covariance, 3)) == pytest.approx(6)


def test_distance_agrees_with_torch_fidelity():
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    one, other = random_gaussian(24, 0), random_gaussian(24, 1)
    statistics = [{"mu": side.mean, "sigma": side.covariance} for side in (one, other)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert frechet_distance(one, other) == pytest.approx(float(expected), rel=1e-9)


def test_distance_refuses_different_dimensions():
    with pytest.raises(ValueError, match="dimensions differ"):
        frechet_distance(random_gaussian(3, 0), random_gaussian(4, 0))


@pytest.mark.parametrize("chunk", [1, 7, 100, 999])
def test_streamed_statistics_are_those_of_all_vectors_at_once(chunk):
    from torch_fidelity.metric_fid import fid_features_to_statistics

    features = torch.randn(300, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1000
    found = gaussian(features[start : start + chunk] for start in range(0, 300, chunk))
    expected = fid_features_to_statistics(features)
    np.testing.assert_allclose(found.mean, expected["mu"], rtol=1e-12)
    np.testing.assert_allclose(found.covariance, expected["sigma"], rtol=1e-9, atol=1e-12)
    assert found.count == 300
    assert found.covariance.dtype == np.float64


def test_statistics_need_two_vectors():
    with pytest.raises(ValueError, match="at least two"):
        gaussian([torch.zeros(1, 4)])


@pytest.mark.parametrize("name", NAMES)
def test_the_input_against_itself_is_zero(name, context):
    clip = textured()
    scale = measure(name, clip, noisy(clip, 5), context)
    assert 0 <= measure(name, clip, clip.copy(), context) < 1e-6 * scale


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spoil", [noisy, tinted])
def test_stronger_corruption_is_further_away(name, spoil, context):
    clip = textured()
    values = [measure(name, clip, spoil(clip, strength), context) for strength in (4, 10, 25)]
    assert 0 < values[0] < values[1] < values[2]


@pytest.mark.parametrize("name", NAMES)
def test_more_blur_is_further_away(name, context):
    clip = textured()
    values = [measure(name, clip, blurred(clip, radius), context) for radius in (1, 2, 4)]
    assert 0 < values[0] < values[1] < values[2]


def test_svfid_sees_the_order_of_frames_and_a_freeze(context):
    clip = textured()
    noise_floor = measure("svfid", clip, clip, context)
    assert measure("svfid", clip, shuffled(clip), context) > 1e6 * noise_floor
    assert measure("svfid", clip, frozen(clip), context) > 1e6 * noise_floor


@pytest.mark.parametrize("name", ["sgfid", "sgfid64"])
def test_sgfid_does_not_see_the_order_of_frames(name, context):
    clip = textured()
    scale = measure(name, clip, noisy(clip, 5), context)
    assert measure(name, clip, shuffled(clip), context) < 1e-6 * scale
    assert measure(name, clip, frozen(clip), context) > 1e-3 * scale  # but it sees that other frames are gone


@pytest.mark.parametrize("name", NAMES)
def test_other_length_and_size_are_measured(name, context):
    assert np.isfinite(measure(name, textured((6, 32, 40)), textured((4, 36, 28)), context))


@pytest.mark.parametrize(("name", "size"), [("svfid", (3, 1, 8)), ("sgfid", (3, 18, 40)), ("sgfid64", (3, 40, 6))])
def test_clips_too_small_for_a_feature_are_refused(name, size):
    context = Context(weights="stand-in", names={"frame-features": "inception-random"})
    with pytest.raises(MetricError, match="use a larger clip"):
        measure(name, textured(), np.zeros((*size, 3), np.uint8), context)


def test_one_position_has_no_covariance(context):
    with pytest.raises(MetricError, match="at least two feature vectors"):
        measure("sgfid", textured(), np.zeros((1, 8, 8, 3), np.uint8), context)


def test_two_protocols_in_one_context_do_not_share_a_network(context):
    clip, other = textured(), noisy(textured(), 10)
    values = []
    for protocol in (SVFIDProtocol("conv1"), SVFIDProtocol("conv2"), SVFIDProtocol("conv2", input_range="0..1")):
        shared = SVFID(protocol).measure(clip, [other], context)
        assert shared == pytest.approx(SVFID(protocol).measure(clip, [other], Context(weights="stand-in")), rel=1e-6)
        values.append(shared)
    assert len(set(values)) == 3


def test_the_layers_compose_to_the_measured_value(context):
    metric, clip = REGISTRY["sgfid"], textured()
    other = noisy(clip, 10)
    extractor = metric.build(context.resolve(metric.extractor), torch.device("cpu"))
    sides = [metric.statistics(metric.extract(frames, extractor)) for frames in (clip, other)]
    assert metric.distance(*sides) == pytest.approx(measure("sgfid", clip, other, context), rel=1e-9)
