"""Diversity, PSNR, SSIM."""

import math

import numpy as np
import pytest

from onereel.base.errors import MetricError
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from tests.unit.metric_clips import blurred, frozen, noisy, shuffled, textured, tinted


def measure(name, reference, *samples):
    return REGISTRY[name].measure(reference, list(samples), Context(weights="stand-in"))


def test_equal_samples_have_no_diversity():
    clip = textured()
    assert measure("diversity", clip, clip, clip, clip) == 0


def test_diversity_is_the_definition_written_out():
    clip = textured()
    samples = [noisy(clip, sigma, seed) for sigma, seed in ((5, 0), (20, 1), (9, 2))]
    grey = lambda frames: 0.299 * frames[..., 0] + 0.587 * frames[..., 1] + 0.114 * frames[..., 2]  # noqa: E731
    expected = np.std([grey(frames) for frames in samples], axis=0).mean() / np.std(grey(clip))
    assert measure("diversity", clip, *samples) == pytest.approx(expected, rel=1e-9)


def test_more_different_samples_are_more_diverse():
    clip = textured()
    values = [measure("diversity", clip, *(noisy(clip, sigma, seed) for seed in range(4))) for sigma in (2, 8, 30)]
    assert 0 < values[0] < values[1] < values[2]


def test_diversity_of_one_sample_is_not_defined():
    assert math.isnan(measure("diversity", textured(), textured()))


def test_diversity_refuses_samples_of_two_sizes_and_a_flat_input():
    with pytest.raises(MetricError, match=r"4x32x40, 6x32x40.*align"):
        measure("diversity", textured(), textured(), textured()[:4])
    with pytest.raises(MetricError, match="one flat grey"):
        measure("diversity", np.full((3, 8, 8, 3), 9, np.uint8), textured(), noisy(textured(), 3))


def test_the_input_against_itself():
    clip = textured()
    assert measure("psnr", clip, clip.copy()) == math.inf
    assert measure("ssim", clip, clip.copy()) == pytest.approx(1)


def test_psnr_of_a_known_error():
    clip = np.full((4, 10, 10, 3), 100, np.uint8)
    assert measure("psnr", clip, clip + 5) == pytest.approx(10 * math.log10(255**2 / 25))


def test_psnr_averages_frames_not_errors():
    clip = np.full((2, 10, 10, 3), 100, np.uint8)
    sample = clip.copy()
    sample[0] += 1
    sample[1] += 10
    expected = (10 * math.log10(255**2 / 1) + 10 * math.log10(255**2 / 100)) / 2
    assert measure("psnr", clip, sample) == pytest.approx(expected)


def test_one_equal_frame_does_not_make_psnr_infinite():
    clip = np.full((2, 10, 10, 3), 100, np.uint8)
    sample = clip.copy()
    sample[1] += 10
    best = 10 * math.log10(255**2 * 300)
    assert measure("psnr", clip, sample) == pytest.approx((best + 10 * math.log10(255**2 / 100)) / 2)


@pytest.mark.parametrize("name", ["psnr", "ssim"])
@pytest.mark.parametrize(("spoil", "strengths"), [(noisy, (4, 10, 25)), (blurred, (1, 2, 4)), (tinted, (4, 10, 25))])
def test_stronger_corruption_is_further_away(name, spoil, strengths):
    clip = textured()
    values = [measure(name, clip, spoil(clip, strength)) for strength in strengths]
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_order_of_frames_and_a_freeze_matter(name):
    clip = textured()
    near = measure(name, clip, noisy(clip, 4))
    assert measure(name, clip, shuffled(clip)) < near
    assert measure(name, clip, frozen(clip)) < near


def test_ssim_refuses_frames_below_its_window():
    tiny = np.zeros((3, 6, 20, 3), np.uint8)
    with pytest.raises(MetricError, match="6x20 are smaller"):
        measure("ssim", tiny, tiny)
