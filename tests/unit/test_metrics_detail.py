"""Detail: softness, noise and halos are worse than the clip itself, a new layout is not."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import correlate1d, gaussian_filter

from onereel import ingest
from onereel.base.errors import MetricError
from onereel.methods import Inputs, load_method
from onereel.methods.base import Job, Task
from onereel.metrics.base import Context
from onereel.metrics.detail import Detail
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import Clip
from tests.unit.metric_clips import noisy, textured

SIZE = (6, 64, 80)


def detail(reference, sample):
    return REGISTRY["detail"].measure(reference, [sample], Context(weights="stand-in"))


def soft(frames, sigma):
    return rounded(gaussian_filter(frames.astype(np.float64), (0, sigma, sigma, 0), mode="nearest"))


def sharpened(frames, amount):
    return rounded(frames + amount * (frames.astype(np.float64) - soft(frames, 1)))


def rounded(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def waves(shortest, longest, seed):
    """A random picture (T, H, W, 3) of such waves, in pixels, with deviation 1."""
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE[1]), np.fft.fftfreq(SIZE[2]), indexing="ij"))
    wanted = (frequencies > 1 / longest) & (frequencies < 1 / shortest)
    grey = np.fft.ifft2(np.fft.fft2(np.random.default_rng(seed).normal(size=SIZE)) * wanted).real
    return np.repeat(grey[..., None] / grey.std(), 3, axis=-1)


def finest(reference, sample):
    """Overlap of the finest band alone, of 2 to 4 pixels a wave."""
    measure = Detail()
    return measure.statistics(measure.extract(reference), measure.extract(sample))[0]


def test_the_input_has_all_of_its_detail():
    clip = textured(SIZE)
    assert detail(clip, clip.copy()) == 1


@pytest.mark.parametrize(("times", "share"), [(0.25, 0.25), (0.5, 0.5), (0.75, 0.75), (1.5, 1 / 1.5), (2, 0.5)])
def test_it_is_the_share_that_is_kept_and_excess_counts_like_loss(times, share):
    coarse, fine = 128 + 10 * waves(10, 20, seed=0), 14 * waves(2.5, 5, seed=1)
    assert finest(rounded(coarse + fine), rounded(coarse + times * fine)) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("spoil", "strengths"), [(soft, (0.5, 0.8, 1.2, 2, 4, 8)), (noisy, (4, 8, 16, 32)), (sharpened, (0.5, 1, 2))]
)
def test_more_damage_is_worse(spoil, strengths):
    clip = textured(SIZE)
    values = [1.0, *(detail(clip, spoil(clip, strength)) for strength in strengths)]
    assert all(after < before - 0.01 for before, after in pairwise(values))


def test_no_noise_makes_up_for_detail_that_is_lost():
    clip = textured(SIZE)
    lost = soft(clip, 1.5)
    values = [detail(clip, noisy(lost, sigma)) for sigma in (1, 2, 3, 4, 6, 8, 12, 16)]
    assert max(values) < 0.8


def test_a_new_layout_is_nearer_than_a_copy_that_is_a_little_soft():
    clip = textured(SIZE)
    thirds = np.array_split(clip, 3, axis=2)
    layouts = [clip[:, ::-1], clip[::-1, :, ::-1], np.concatenate([thirds[1], thirds[2], thirds[0]], axis=2)]
    layouts += [np.concatenate([clip, clip[:, :, ::-1]], axis=2), clip[:3]]
    values = [detail(clip, layout) for layout in layouts]
    assert min(values) > 0.9
    assert min(values) > detail(clip, soft(clip, 0.5)) + 0.05


def test_more_of_one_kind_of_place_is_no_damage():
    busy, smooth = textured(SIZE), soft(textured(SIZE, seed=1), 10)
    clip = np.concatenate([busy, smooth], axis=2)
    wider = np.concatenate([busy, smooth, smooth[:, :, ::-1], smooth], axis=2)
    assert detail(clip, wider) > 0.94
    assert detail(clip, soft(wider, 0.5)) < 0.85


def test_h264_costs_little():
    clip = Clip(textured(SIZE))
    method = load_method("calibration")
    (copy,) = method.sample_many(Task.GENERATE, Inputs(clip), method.Config(kind="h264"), [0], Job("cpu"))
    assert 0.93 < detail(clip.frames, copy) < 1


def test_strengths_are_the_definition_written_out():
    frames = textured((2, 35, 42))

    def blur(picture):
        kernel = np.array([1, 4, 6, 4, 1]) / 16
        return correlate1d(correlate1d(picture, kernel, 0, mode="mirror"), kernel, 1, mode="mirror")

    found = []
    for grey in frames @ np.array([0.299, 0.587, 0.114]):
        half, quarter = blur(grey)[::2, ::2], blur(blur(grey)[::2, ::2])[::2, ::2]
        bands = [(grey - blur(grey)) ** 2, (half - blur(half)) ** 2, (quarter - blur(quarter)) ** 2]
        on_grid = [blur(blur(bands[0])[::2, ::2])[::2, ::2], blur(bands[1])[::2, ::2], bands[2]]
        found.append(np.sqrt([blur(band) for band in on_grid]).reshape(3, -1).T)
    np.testing.assert_allclose(Detail().extract(frames), np.concatenate(found), rtol=1e-3, atol=1e-3)


def test_flat_clips_and_small_ones():
    flat, clip = np.full((2, 32, 32, 3), 90, np.uint8), textured((2, 32, 32))
    assert detail(flat, flat) == 1
    assert detail(clip, flat) == 0
    assert detail(flat, clip) == 0
    with pytest.raises(MetricError, match=r"Detail of frames of 12x32: a side needs 16 pixels; use a larger clip"):
        detail(clip[:, :12], clip[:, :12])


@pytest.mark.parametrize("name", ["birds", "cliff"])
def test_the_authors_crisp_samples_have_the_detail_that_soft_ones_lack(name, shared):
    clip = ingest.load(shared / f"data/clips/{name}.gif").frames
    found = ingest.discover(shared / f"data/peer_outputs/{name}/singan_gif_official")
    samples = [ingest.load(source).frames for source in list(found.values())[:3]]
    assert min(detail(clip, sample) for sample in samples) > 0.88
    assert max(detail(clip, soft(sample, 1)) for sample in samples) < 0.62
    assert max(detail(clip, noisy(soft(samples[0], 1.5), sigma)) for sigma in (4, 8, 16)) < 0.75
