"""Ladders and their names, resampling against a slow oracle, the pyramid and its file."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from onereel.base.errors import ConfigError, MethodError
from onereel.video.pyramid import Ladder, build, load, resize, save

# Levels of the VGPNN authors' code for 13x144x256, as measured there (its factor is 0.85).
AUTHORS = """3x15x26 3x18x31 3x21x37 3x25x43 3x29x51 4x34x60 4x40x70 5x47x83 5x55x97 6x64x114 7x76x134 8x89x158
10x105x185 12x123x218 13x144x256"""
AUTHORS_LADDER = Ladder(factor_time=1 / 0.85, factor_space=1 / 0.85)


def random_video(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def keys_kernel(x: float) -> float:
    """The textbook form with its parameter a = -1/2."""
    a, x = -0.5, abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    if x < 2:
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return 0.0


def oracle_line(line: np.ndarray, length: int) -> np.ndarray:
    """One line resampled sample by sample, its ends repeated far beyond the kernel's reach."""
    margin = 4 * len(line) + 8
    padded = np.concatenate([np.full(margin, line[0]), line, np.full(margin, line[-1])])
    ratio = len(line) / length
    stretch = max(1.0, ratio)
    out = []
    for i in range(length):
        centre = (i + 0.5) * ratio - 0.5
        weights = [keys_kernel((j - margin - centre) / stretch) for j in range(len(padded))]
        out.append(np.dot(weights, padded) / sum(weights))
    return np.array(out)


def test_levels_are_those_of_the_authors():
    expected = [tuple(map(int, level.split("x"))) for level in AUTHORS.split()]
    assert AUTHORS_LADDER.sizes((13, 144, 256)) == expected
    assert len(AUTHORS_LADDER.sizes((13, 64, 114))) == 11
    assert len(AUTHORS_LADDER.sizes((8, 64, 114))) == 10
    assert len(Ladder().sizes((13, 64, 114))) == 10


def test_every_level_is_the_clip_divided_by_a_power_of_the_factor():
    sizes = Ladder(factor_time=2, factor_space=2, min_frames=3, min_side=15).sizes((24, 120, 200))
    assert sizes == [(3, 15, 25), (6, 30, 50), (12, 60, 100), (24, 120, 200)]
    # Time stops while space goes on, and the other way round.
    assert Ladder(factor_time=2, factor_space=2).sizes((4, 64, 64))[:3] == [(3, 15, 15), (3, 16, 16), (3, 32, 32)]
    assert Ladder(factor_time=2, factor_space=2).sizes((12, 20, 16))[:2] == [(3, 18, 15), (6, 18, 15)]
    assert Ladder(factor_time=1, factor_space=2).sizes((9, 30, 60)) == [(9, 15, 30), (9, 30, 60)]
    assert Ladder().sizes((3, 15, 15)) == [(3, 15, 15)]


@given(
    st.tuples(st.integers(3, 200), st.integers(15, 2200), st.integers(15, 2200)),
    st.floats(1.01, 4),
    st.floats(1.01, 4),
)
def test_levels_grow_to_the_clip(size, time, space):
    sizes = Ladder(factor_time=time, factor_space=space).sizes(size)
    assert sizes[-1] == size
    assert sizes[0][0] == 3
    assert min(sizes[0][1:]) == 15
    assert len(set(sizes)) == len(sizes)
    for coarse, fine in pairwise(sizes):
        assert all(a <= b for a, b in zip(coarse, fine, strict=True))


def test_a_clip_that_is_too_small_names_the_knob():
    with pytest.raises(MethodError, match=r"has 2 frames.*ladder\.min_frames"):
        Ladder().sizes((2, 100, 100))
    with pytest.raises(MethodError, match=r"12 pixels.*ladder\.min_side"):
        Ladder().sizes((9, 12, 100))


@given(st.floats(1, 16), st.floats(1.0001, 16), st.integers(1, 99), st.integers(1, 999))
def test_names_come_back(time, space, frames, side):
    ladder = Ladder(factor_time=time, factor_space=space, min_frames=frames, min_side=side)
    assert Ladder.parse(ladder.name) == ladder
    assert set(ladder.name) <= set("0123456789.-tsminx")


def test_names_are_short_and_wrong_ones_are_refused():
    assert Ladder().name == "t1.2-s1.2-min3x15"
    assert Ladder(factor_time=2).name == "t2-s1.2-min3x15"
    for name in ("", "t1.2", "t1.2-s0.5-min3x15", "t1.2.3-s1.2-min3x15", "../t1.2-s1.2-min3x15"):
        with pytest.raises(ConfigError, match="no such ladder"):
            Ladder.parse(name)


@pytest.mark.parametrize(("source", "target"), [(7, 9), (5, 17), (12, 10), (20, 3), (1, 4), (6, 1), (30, 29)])
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_resize_agrees_with_the_oracle_on_every_axis(source, target, axis):
    shape, size = [2, 2, 3, 2], [2, 3, 2]
    shape[axis], size[axis - 1] = source, target
    video = random_video(*shape)
    expected = np.apply_along_axis(oracle_line, axis, video.double().numpy(), target)
    np.testing.assert_allclose(resize(video, tuple(size)).numpy(), expected, atol=3e-6)


def test_resize_is_separable_and_matches_bicubic_inside():
    video = random_video(3, 6, 40, 44)
    in_turn = resize(resize(resize(video, (4, 40, 44)), (4, 30, 44)), (4, 30, 60))
    torch.testing.assert_close(resize(video, (4, 30, 60)), in_turn)
    # Away from the borders, which torch treats otherwise, this is the usual antialiased bicubic.
    usual = torch.nn.functional.interpolate(video.transpose(0, 1), (20, 22), mode="bicubic", antialias=True)
    ours = resize(video, (6, 20, 22))
    torch.testing.assert_close(ours[..., 4:-4, 4:-4], usual.transpose(0, 1)[..., 4:-4, 4:-4], atol=1e-5, rtol=0)


def test_resize_keeps_what_must_be_kept():
    video = random_video(3, 5, 9, 8)
    assert torch.equal(resize(video, (5, 9, 8)), video)
    constant = torch.full((1, 4, 6, 7), 0.3)
    torch.testing.assert_close(resize(constant, (9, 5, 13)), torch.full((1, 9, 5, 13), 0.3))
    checkers = (torch.arange(40) % 2).float().reshape(1, 1, 1, 40) * 2 - 1
    assert resize(checkers, (1, 1, 10))[..., 2:-2].abs().max() < 0.02, "not antialiased"
    with pytest.raises(ValueError, match="positive"):
        resize(video, (0, 9, 8))


def test_resize_does_not_depend_on_the_number_of_threads():
    video, before = random_video(3, 9, 70, 90), torch.get_num_threads()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(resize(video, (7, 55, 77)))
    torch.set_num_threads(before)
    assert torch.equal(*results)


def test_levels_come_straight_from_the_video():
    video = random_video(3, 9, 40, 50)
    pyramid = build(video, Ladder(factor_time=1.5, factor_space=1.5))
    assert pyramid.sizes == Ladder(factor_time=1.5, factor_space=1.5).sizes((9, 40, 50))
    assert torch.equal(pyramid.levels[-1], video)
    for level, size in zip(pyramid.levels, pyramid.sizes, strict=True):
        assert level.dtype == torch.float32
        assert torch.equal(level, resize(video, size).clamp(-1, 1))
    assert math.isclose(pyramid.levels[0].mean(), video.mean(), abs_tol=0.02)


def test_build_stays_in_range():
    steps = torch.where(torch.rand(3, 6, 40, 40, generator=torch.Generator().manual_seed(1)) > 0.5, 1.0, -1.0)
    assert resize(steps, (6, 38, 38)).abs().max() > 1, "this video does not overshoot"
    assert all(level.abs().max() <= 1 for level in build(steps, Ladder()).levels)


def test_a_pyramid_survives_its_file(tmp_path):
    pyramid = build(random_video(3, 6, 30, 33), Ladder())
    save(tmp_path / "a.safetensors", pyramid)
    save(tmp_path / "b.safetensors", pyramid)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = load(tmp_path / "a.safetensors")
    assert loaded.sizes == pyramid.sizes
    assert all(torch.equal(*pair) for pair in zip(loaded.levels, pyramid.levels, strict=True))


def test_a_file_that_is_no_pyramid_is_refused(tmp_path):
    with pytest.raises(MethodError, match="build it again"):
        load(tmp_path / "missing.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"not a pyramid")
    with pytest.raises(MethodError, match="not a readable"):
        load(tmp_path / "torn.safetensors")
    level = torch.zeros(3, 2, 4, 4)
    for name, other in (
        ("weight", level),
        ("level_000", level[0]),
        ("level_000", level[:, :0]),
        ("level_000", level.half()),
        ("level_000", level / 0),
    ):
        save_file({name: other.contiguous()}, tmp_path / "other.safetensors")
        with pytest.raises(MethodError, match="other tensors"):
            load(tmp_path / "other.safetensors")
