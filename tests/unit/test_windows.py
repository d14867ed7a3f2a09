"""Windows of a video: they cover it, agree with the whole where the network is local, and leave no seams."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from onereel.diffusion.windows import Windows


@pytest.mark.parametrize("size", [(8, 16, 16), (9, 16, 16), (8, 16, 40), (23, 30, 17), (64, 16, 16)])
def test_windows_cover_a_video_overlap_and_stay_inside(size):
    windows = Windows((8, 16, 16), overlap=0.25)
    seen = torch.zeros(size)
    for region in windows.regions(size):
        assert all(part.stop - part.start == min(a, b) for part, a, b in zip(region, windows.size, size, strict=True))
        seen[region] += 1
    assert seen.min() >= 1
    assert (len(windows.regions(size)) == 1) == all(a <= b for a, b in zip(size, windows.size, strict=True))
    for axis, (length, window) in enumerate(zip(size, windows.size, strict=True)):
        starts = sorted({region[axis].start for region in windows.regions(size)})
        assert all(window - (b - a) >= 0.25 * window for a, b in pairwise(starts))
        assert starts[-1] + min(length, window) == length


def test_windows_begin_at_multiples_of_the_step():
    windows = Windows((8, 16, 16), step=(2, 4, 4))
    for region in windows.regions((30, 44, 60)):
        assert [part.start % step for part, step in zip(region, windows.step, strict=True)] == [0, 0, 0]


def test_of_a_network_that_sees_one_place_at_a_time_windows_change_nothing():
    video, other = torch.randn(2, 3, 20, 24, 40), torch.randn(2, 3, 20, 24, 40)
    windows = Windows((8, 16, 16))
    torch.testing.assert_close(windows(lambda one, two: 2 * one - two, video, other), 2 * video - other)


def test_colours_of_windows_meet_without_seams():
    """A network that gets every window's colour wrong by another constant."""
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(1, 3, 8, 16, 60, generator=generator)

    def wrong(part: Tensor) -> Tensor:
        return part + 3 * torch.randn(1, 3, 1, 1, 1, generator=generator)

    made = Windows((8, 16, 16))(wrong, video) - video
    assert made.flatten(2).std(2).max() < 1e-5, "one constant for all"
    apart = Windows((8, 16, 16), match_colours=False)(wrong, video) - video
    assert apart.flatten(2).std(2).min() > 0.5


def test_constants_leave_the_mean_of_the_windows_alone():
    shifts = iter([0.0, 1.0, 5.0])
    video = torch.zeros(1, 1, 4, 8, 8)
    made = Windows((4, 8, 4), overlap=0.5)(lambda part: part + next(shifts), video)
    torch.testing.assert_close(made, torch.full_like(made, 2.0))
    assert next(shifts, None) is None


def test_a_video_that_fits_is_seen_whole():
    seen = []
    Windows((8, 16, 16))(lambda part: seen.append(part.shape) or part, torch.zeros(1, 3, 7, 16, 12))
    assert seen == [(1, 3, 7, 16, 12)]
