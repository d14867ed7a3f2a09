"""Which frames a clip gets: by count, by time, at a rate; from seekable and other files."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from onereel.base.errors import ClipError
from onereel.base.progress import Item
from onereel.ingest import ingest, selection
from onereel.ingest.footage import Facts, Footage, Picture

from .ingest_media import corners, encode, numbers, ramp

X264 = {"codec": "libx264", "pix_fmt": "yuv420p", "options": {"crf": "10", "bf": "3", "g": "250"}}


class Shown(Footage):
    """Pictures shown for given times; picture t is the grey level t."""

    def __init__(self, durations: list[Fraction]) -> None:
        self.facts, self.size = Facts("test", "test", "rgb24"), (2, 2)
        self._durations = durations

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        time = Fraction(0)
        for index, duration in enumerate(self._durations):
            pixels = np.full((2, 2, 3), index, np.uint8)
            yield Picture(index, time, time + duration, lambda pixels=pixels: pixels)
            time += duration

    def sha256(self) -> str:
        return ""

    def close(self) -> None:
        pass


def kept(
    durations: list[Fraction], start: int | Fraction, end: int | Fraction | None, fps: Fraction | None
) -> list[int]:
    request = selection.IngestRequest(start, end, fps)
    frames = selection.select(Shown(durations), request, "test", iter).frames
    return [int(frame[0, 0, 0]) for frame in frames]


durations_of = st.lists(st.fractions(Fraction(1, 50), 1, max_denominator=60), min_size=1, max_size=12)


@settings(deadline=None)
@given(durations=durations_of, fps=st.fractions(1, 60, max_denominator=9), start=st.fractions(0, 1, max_denominator=9))
def test_resampling_shows_at_each_time_what_was_shown_then(
    durations: list[Fraction], fps: Fraction, start: Fraction
) -> None:
    """Against the definition: frame k is the picture on screen at start + k / fps."""
    edges = np.cumsum([Fraction(0), *durations])
    if start >= edges[-1]:
        with pytest.raises(ClipError, match="past its end"):
            kept(durations, start, None, fps)
        return
    expected, time = [], start
    while time < edges[-1]:
        expected.append(next(i for i in range(len(durations)) if edges[i] <= time < edges[i + 1]))
        time += 1 / fps
    assert kept(durations, start, None, fps) == expected


@settings(deadline=None)
@given(durations=durations_of, start=st.integers(0, 12), end=st.integers(1, 14))
def test_frame_indices_slice_as_in_python(durations: list[Fraction], start: int, end: int) -> None:
    expected = list(range(len(durations)))[start:end]
    if expected:
        assert kept(durations, start, end, None) == expected
    elif start < end:
        with pytest.raises(ClipError, match="past its end"):
            kept(durations, start, end, None)


def test_resampling_between_frame_indices_stays_between_them() -> None:
    tenth = Fraction(1, 10)
    assert kept([tenth] * 10, 2, 5, Fraction(20)) == [2, 2, 3, 3, 4, 4]
    assert kept([tenth] * 10, 2, Fraction(1, 2), Fraction(10)) == [2, 3, 4]
    assert kept([tenth] * 10, Fraction(3, 20), 4, Fraction(10)) == [1, 2, 3]


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.avi", "v.webm"])
def test_every_frame_of_a_video_is_kept_at_its_rate(tmp_path: Path, name: str) -> None:
    webm = {"codec": "libvpx", "pix_fmt": "yuv420p", "options": {"crf": "4", "b": "2M", "lag-in-frames": "0"}}
    path = encode(tmp_path / name, ramp(13), rate=Fraction(30000, 1001), **(webm if "webm" in name else X264))
    clip, manifest = ingest(str(path))
    assert numbers(clip.frames) == list(range(13))
    assert float(clip.fps) == pytest.approx(30000 / 1001, rel=1e-4)
    if name != "v.webm":  # which has no place for the rate, only for times in milliseconds
        assert clip.fps == Fraction(30000, 1001)
    assert not manifest["variable_frame_rate"]
    assert manifest["frames"] == 13


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_variable_frame_rate(tmp_path: Path, name: str) -> None:
    """Shown at 0, 100, 200, 600 and 700 ms; the file lasts until 800 ms."""
    path = encode(tmp_path / name, ramp(5), times=[0, 1, 2, 6, 7], **X264)
    clip, manifest = ingest(str(path))
    assert numbers(clip.frames) == [0, 1, 2, 3, 4]
    assert manifest["variable_frame_rate"]
    assert float(clip.fps) == pytest.approx(5 / 0.8, rel=0.01)
    clip, _ = ingest(str(path), fps=10)
    assert numbers(clip.frames) == [0, 1, 2, 2, 2, 2, 3, 4]
    assert clip.fps == 10
    clip, _ = ingest(str(path), fps=5)
    assert numbers(clip.frames) == [0, 2, 2, 3]


@pytest.mark.parametrize("rate", [24, 30, Fraction(30000, 1001), 60])
def test_resampling_to_a_videos_own_rate_changes_nothing(tmp_path: Path, rate: Fraction | int) -> None:
    """Matroska rounds times to milliseconds, which must not repeat or lose frames."""
    path = encode(tmp_path / "v.mkv", ramp(14), rate=rate, **X264)
    clip, _ = ingest(str(path), fps=Fraction(rate))
    assert numbers(clip.frames) == list(range(14))


def test_half_the_rate_is_every_other_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mkv", ramp(12), rate=30, **X264)
    assert numbers(ingest(str(path), fps=15)[0].frames) == [0, 2, 4, 6, 8, 10]


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s with key frames every 25 frames and B-frames; the level repeats every 15 frames, the corner every 8."""
    folder = tmp_path_factory.mktemp("long")
    frames = np.tile(ramp(15, 32, 32), (16, 1, 1, 1))
    frames[np.arange(240) % 8 == 0, :8, :8] = 255
    return encode(
        folder / "v.mp4", frames, options={"crf": "10", "bf": "3", "g": "25"}, codec="libx264", pix_fmt="yuv420p"
    )


def test_frame_indices_count_decoded_frames(long_video: Path) -> None:
    everything = ingest(str(long_video))[0].frames
    assert len(everything) == 240
    for start, end in ((0, 2), (37, 45), (100, 103), (233, 240)):
        assert np.array_equal(ingest(str(long_video), start=str(start), end=str(end))[0].frames, everything[start:end])


def test_times_seek_and_still_hit_the_frame(long_video: Path) -> None:
    everything = ingest(str(long_video))[0].frames
    for start, end in ((0, 3), (51, 60), (52, 60), (149, 152), (150, 155), (151, 170), (230, 240)):
        part = ingest(str(long_video), start=f"{start / 10}s", end=f"{end / 10}s")[0].frames
        assert np.array_equal(part, everything[start:end]), start
    part = ingest(str(long_video), start="20.05", end="21.05", fps=10)[0].frames  # between frames: the earlier shows
    assert np.array_equal(part, everything[200:210])


class Counter:
    """A progress that counts."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, items: Iterable[Item], *, total: int, label: str) -> Iterator[Item]:
        for item in items:
            self.drawn += 1
            yield item


@pytest.mark.parametrize("suffix", ["ts", "mkv", "avi", "mov", "webm"])
def test_seeking_is_exact_in_every_container(tmp_path: Path, suffix: str) -> None:
    frames = np.tile(ramp(15, 32, 32), (14, 1, 1, 1))
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "mpeg2video")
    options = {"g": "20", "qscale": "2", "b": "1M"}
    path = encode(tmp_path / f"v.{suffix}", frames, codec=codec, pix_fmt="yuv420p", rate=25, options=options)
    everything = ingest(str(path))[0].frames
    assert len(everything) == 210
    counter = Counter()
    part = ingest(str(path), start="7.2s", end="7.6s", progress=counter)[0].frames
    assert np.array_equal(part, everything[180:190])
    assert counter.drawn < 60 or suffix == "ts"  # without an index, seeking may begin too late and is then not used


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    """A file whose clock begins at two seconds."""
    path = encode(tmp_path / "v.mkv", ramp(10), times=list(range(20, 30)), **X264)
    clip, _ = ingest(str(path), start="0.3s", end="0.7s")
    assert numbers(clip.frames) == [3, 4, 5, 6]


def test_the_end_past_the_source_is_noted(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mkv", ramp(6))
    for end in ("100", "100s"):
        clip, manifest = ingest(str(path), end=end)
        assert len(clip.frames) == 6
        assert any("past" in note for note in manifest["notes"])
    assert ingest(str(path), end="6")[1]["notes"] == []
    assert ingest(str(path), end="0.6")[1]["notes"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "6"}, "start frame 6 is past its end"),
        ({"start": "9s"}, "start 9 s is past its end"),
        ({"start": "0.11", "end": "0.19"}, "no frame begins between"),
        ({"start": "5"}, "leave one frame"),
        ({"start": "3", "end": "3"}, "not before"),
        ({"start": "-1"}, "negative"),
        ({"fps": "0"}, "fps"),
        ({"fps": "1001"}, "fps"),
        ({"height": 0}, "height"),
    ],
)
def test_impossible_parts_are_refused_in_one_line(tmp_path: Path, options: dict[str, str], words: str) -> None:
    path = encode(tmp_path / "v.mkv", ramp(6))
    with pytest.raises(ClipError, match=words) as caught:
        ingest(str(path), name="mine", **options)  # type: ignore[arg-type]
    assert "clip 'mine'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_impossible_start_in_a_long_file_needs_no_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "v.mp4", ramp(6), **X264)
    monkeypatch.setattr("onereel.ingest.movie.Movie.pictures", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ClipError, match="past its end"):
        ingest(str(path), start="1:00:00")


def test_one_frame_is_refused_unless_allowed(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mkv", ramp(1))
    with pytest.raises(ClipError, match="only one frame"):
        ingest(str(path))
    assert ingest(str(path), allow_single=True)[0].size == (1, 32, 48)


@pytest.mark.parametrize(
    ("height", "size"), [(16, (16, 24)), (15, (15, 22)), (31, (31, 46)), (64, (64, 96)), (1, (1, 2))]
)
def test_resizing_keeps_proportions_to_an_even_width(tmp_path: Path, height: int, size: tuple[int, int]) -> None:
    clip, manifest = ingest(str(encode(tmp_path / "v.mkv", ramp(2))), height=height)
    assert clip.size[1:] == size
    assert manifest["resize"] == {
        "from": [32, 48],
        "to": list(size),
        "kernel": "bicubic, antialiased",
        "enlarged": height > 32,
    }


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    """One-pixel stripes shrunk four times are grey; without a prefilter they would alias to black or white."""
    stripes = np.zeros((2, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    clip, _ = ingest(str(encode(tmp_path / "v.mkv", stripes)), height=16)
    assert np.abs(clip.frames[:, :, 2:-2].astype(int) - 127).max() <= 6


def test_resizing_matches_pillow(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), dtype=np.uint8).repeat(2, axis=0)
    clip, _ = ingest(str(encode(tmp_path / "v.mkv", picture)), height=20)
    expected = np.asarray(Image.fromarray(picture[0]).resize((30, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(clip.frames[0], expected)


def test_too_many_frames_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "v.mp4", ramp(12), **X264)
    monkeypatch.setattr(selection, "MAX_BYTES", 32 * 48 * 3 * 5)
    monkeypatch.setattr("onereel.ingest.movie.Movie.pictures", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ClipError, match=r"about 12 frames of 48x32 would take .* at most 5 frames .*height"):
        ingest(str(path))


def test_too_many_frames_are_refused_where_the_file_does_not_say_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [Image.fromarray(corners()), Image.fromarray(corners()[::-1])] * 4
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=100, loop=0)
    monkeypatch.setattr(selection, "MAX_BYTES", 32 * 48 * 3 * 5)
    with pytest.raises(ClipError, match=r"6 frames up to 0\.5 s alone"):
        ingest(str(tmp_path / "a.gif"))
    assert ingest(str(tmp_path / "a.gif"), end="5")[0].size[0] == 5
    with pytest.raises(ClipError, match="limit"):  # resampling must not repeat a picture without bound
        ingest(str(tmp_path / "a.gif"), end="2", fps=1000)
