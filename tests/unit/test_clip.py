from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onereel.base.errors import ClipError, MethodError
from onereel.video import clip as clips
from onereel.video.clip import (
    Clip,
    claims_to_be_clip,
    read,
    stack,
    to_frames,
    to_video,
    write,
    write_h264,
    write_preview,
)

from .ingest_media import encode, ramp

sizes = st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40))


def noise(size: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def moving_square(frames: int = 12, height: int = 48, width: int = 64) -> np.ndarray:
    video = np.full((frames, height, width, 3), (30, 90, 160), np.uint8)
    for index in range(frames):
        video[index, 12:36, 4 + 2 * index : 28 + 2 * index] = (200, 60, 40)
    return video


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=sizes, fps=st.fractions(Fraction(1, 4), 240, max_denominator=1001), seed=st.integers(0, 9))
def test_what_is_read_is_what_was_written(tmp_path: Path, size: tuple[int, int, int], fps: Fraction, seed: int) -> None:
    frames = noise(size, seed)
    write(tmp_path / "c.mkv", Clip(frames, fps))
    back = read(tmp_path / "c.mkv")
    assert np.array_equal(back.frames, frames)
    assert back.fps == fps
    assert back.frames.flags.c_contiguous


@pytest.mark.parametrize("size", [(2, 139, 246), (1, 1, 1), (1, 2, 1), (3, 1, 301), (2, 481, 353)])
def test_round_trip_at_awkward_sizes(tmp_path: Path, size: tuple[int, int, int]) -> None:
    frames = noise(size)
    write(tmp_path / "c.mkv", Clip(frames))
    assert np.array_equal(read(tmp_path / "c.mkv").frames, frames)


@pytest.mark.parametrize(
    "size", [(1, 1), (7, 5), (8, 400), (400, 8), (12, 500), (300, 1), (1, 400), (2, 16400), (16400, 2)]
)
def test_any_size_is_written_and_has_a_preview_that_browsers_show(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = noise((2, *size))
    write(tmp_path / "c.mkv", Clip(frames))
    assert np.array_equal(read(tmp_path / "c.mkv").frames, frames)
    write_preview(tmp_path / "p.mp4", Clip(frames))
    with av.open(str(tmp_path / "p.mp4")) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(shown) == 2
    height, width = shown[0].shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    assert 16 <= min(height, width) <= max(height, width) <= 8192


def test_small_previews_are_enlarged_by_a_whole_factor(tmp_path: Path) -> None:
    frames = np.repeat(np.arange(0, 240, 40, dtype=np.uint8), 18).reshape(1, 6, 6, 3).repeat(2, axis=0)
    write_preview(tmp_path / "p.mp4", Clip(frames))
    with av.open(str(tmp_path / "p.mp4")) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert shown.shape == (18, 18, 3)
    assert np.abs(shown[1::3, 1::3] - frames[0]).max() <= 12


def test_h264_of_impossible_sides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"16400x2 pixels are more than H\.264 stores"):
        write_h264(tmp_path / "p.mp4", Clip(noise((1, 2, 16400))))


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(1, 7), Fraction(1000)])
def test_the_rate_is_exact_though_the_container_rounds_to_milliseconds(tmp_path: Path, fps: Fraction) -> None:
    write(tmp_path / "c.mkv", Clip(noise((3, 8, 8)), fps))
    assert read(tmp_path / "c.mkv").fps == fps


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path) -> None:
    clip = Clip(moving_square(), Fraction(25, 2))
    for writer, suffix in ((write, "mkv"), (write_preview, "mp4")):
        writer(tmp_path / f"a.{suffix}", clip)
        writer(tmp_path / f"b.{suffix}", clip)
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_non_contiguous_clip_is_written_as_it_looks(tmp_path: Path) -> None:
    frames = noise((4, 10, 12))[::-1, :, ::-1]
    write(tmp_path / "c.mkv", Clip(frames))
    assert np.array_equal(read(tmp_path / "c.mkv").frames, frames)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.mkv"
    write(path, Clip(noise((4, 32, 32))))
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 0x10  # within the pictures' data
    path.write_bytes(data)
    with pytest.raises(ClipError):
        read(path)


def test_a_shortened_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.mkv"
    write(path, Clip(noise((6, 32, 32))))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ClipError):
        read(path)


def test_read_refuses_what_it_did_not_write(tmp_path: Path) -> None:
    foreign = encode(tmp_path / "f.mkv", ramp())
    text = tmp_path / "t.mkv"
    text.write_text("no video")
    for path in (foreign, text, tmp_path / "missing.mkv"):
        assert not claims_to_be_clip(path)
        with pytest.raises(ClipError, match=path.name):
            read(path)
    write(tmp_path / "c.mkv", Clip(ramp()))
    assert claims_to_be_clip(tmp_path / "c.mkv")


def test_a_film_with_copied_tags_is_not_decoded_beyond_what_they_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "film.mkv", Clip(ramp(12)))
    decoded: list[int] = []

    class Film:
        """The file, as if its tags were of a clip of three frames."""

        def __init__(self, path: Path | str) -> None:
            self._container = av.open(str(path))
            self.metadata = {**self._container.metadata, "ONEREEL_FRAMES": "3"}
            self.streams = self._container.streams

        def decode(self, video: int) -> Iterator[av.VideoFrame]:
            for frame in self._container.decode(video=video):
                decoded.append(frame.pts)
                yield frame

    monkeypatch.setattr(clips, "_opened", lambda path: nullcontext(Film(path)))
    assert claims_to_be_clip(tmp_path / "film.mkv")
    assert clips.recognise(tmp_path / "film.mkv") is None
    assert len(decoded) == 4


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(picture: np.ndarray) -> av.VideoFrame:
        raise RuntimeError("disk full")

    monkeypatch.setattr(clips, "_packed_bgr0", fail)
    with pytest.raises(RuntimeError):
        write(tmp_path / "c.mkv", Clip(noise((2, 8, 8))))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("height", [48, 49])
@pytest.mark.parametrize("width", [64, 63])
def test_the_preview_is_h264_that_browsers_play_in_the_right_colours(tmp_path: Path, height: int, width: int) -> None:
    frames = moving_square(height=height, width=width)
    write_preview(tmp_path / "p.mp4", Clip(frames, Fraction(25, 2)))
    with av.open(str(tmp_path / "p.mp4")) as container:
        stream = container.streams.video[0]
        decoded = list(container.decode(stream))
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        assert stream.average_rate == Fraction(25, 2)
        assert len(decoded) == len(frames)
        assert (decoded[0].colorspace, decoded[0].color_range) == (1, 1)  # BT.709, limited
        shown = [f.reformat(format="rgb24", src_colorspace=1, dst_colorspace=1).to_ndarray() for f in decoded]
    # Away from edges, where 4:2:0 blurs colours.
    for index in (0, 5, 11):
        picture = shown[index].astype(int)
        assert np.abs(picture[20:30, 8 + 2 * index : 24 + 2 * index] - (200, 60, 40)).max() <= 4
        assert np.abs(picture[2:8, 2:60] - (30, 90, 160)).max() <= 4


def test_the_preview_has_its_index_first(tmp_path: Path) -> None:
    write_preview(tmp_path / "p.mp4", Clip(moving_square()))
    data = (tmp_path / "p.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_every_level_survives_the_way_into_methods_and_back() -> None:
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    video = to_video(frames)
    assert video.dtype == torch.float32
    assert (float(video.min()), float(video.max())) == (-1.0, 1.0)
    assert np.array_equal(to_frames(video), frames)


def test_layouts_keep_their_axes_apart() -> None:
    frames = noise((2, 3, 5))
    video = to_video(frames)
    assert video.shape == (3, 2, 3, 5)
    assert float(video[1, 0, 2, 4]) == pytest.approx(frames[0, 2, 4, 1] / 127.5 - 1)
    assert np.array_equal(to_frames(video), frames)


def test_values_out_of_range_are_clamped_and_the_rest_rounded_to_nearest() -> None:
    levels = torch.tensor([-3.0, -1.0, 0.6 / 127.5 - 1, 1.4 / 127.5 - 1, 1.0, 7.0])
    frames = to_frames(levels.reshape(1, 1, 1, 6).expand(3, 1, 1, 6))
    assert frames[0, 0, :, 0].tolist() == [0, 0, 1, 1, 255, 255]


def test_nan_is_an_error_instead_of_a_black_pixel() -> None:
    with pytest.raises(MethodError, match="NaN in 1 of 24 values; its model is damaged"):
        to_frames(torch.zeros(3, 2, 2, 2).index_put((torch.tensor(0),) * 4, torch.tensor(float("nan"))))


def test_stack_equals_numpy_and_empties_the_list() -> None:
    pictures = list(noise((5, 4, 6)))
    expected = np.stack(pictures)
    assert np.array_equal(stack(pictures), expected)
    assert pictures == []


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((2, 4, 4, 4), np.uint8),
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 3), np.float32),
    ],
)
def test_a_clip_is_uint8_rgb(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        Clip(frames)


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-5), Fraction(1, 10**9)])
def test_a_clip_plays_forwards(fps: Fraction) -> None:
    with pytest.raises(ValueError, match="fps"):
        Clip(np.zeros((1, 1, 1, 3), np.uint8), fps)
