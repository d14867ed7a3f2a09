"""What players draw from: sheets hold every frame, slices and origin colours are what they claim to be."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel.base.files import read_json
from onereel.report.page.visuals import MAX_SHEET, displacement_colours, display_size, origin_colours, slices, visualise
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.test_report_project import moving_picture


def tile(folder: Path, layer: dict, frame: int) -> np.ndarray:
    """A frame cut from its sheet as a player does it."""
    sheet = next(s for s in layer["sheets"] if s["first"] <= frame < s["first"] + s["count"])
    row, column = divmod(frame - sheet["first"], sheet["columns"])
    height, width = layer["display"]
    picture = np.asarray(Image.open(folder / sheet["file"]))
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def test_every_frame_is_in_a_sheet_where_the_index_says(tmp_path: Path) -> None:
    # So wide that a sheet holds four frames a row, so many that there are two sheets.
    frames = np.stack([np.full((900, 1000, 3), 3 * index % 256, np.uint8) for index in range(71)])
    visualise(Clip(frames, Fraction(12)), None, tmp_path)
    index = read_json(tmp_path / "index.json")
    assert index["display"] == [288, 320]
    assert len(index["sheets"]) == 1
    for frame in (0, 11, 12, 70):
        assert abs(tile(tmp_path, index, frame).mean() - 3 * frame % 256) < 2
    assert index["origins"] is None


def test_long_clips_get_several_sheets_none_too_large(tmp_path: Path) -> None:
    frames = np.stack([np.full((288, 1000, 3), index, np.uint8) for index in range(60)])
    visualise(Clip(frames, Fraction(12)), None, tmp_path)
    index = read_json(tmp_path / "index.json")
    assert [(sheet["first"], sheet["count"]) for sheet in index["sheets"]] == [(0, 56), (56, 4)]
    for sheet in index["sheets"]:
        assert max(Image.open(tmp_path / sheet["file"]).size) <= MAX_SHEET
    assert abs(tile(tmp_path, index, 58).mean() - 58) < 2


def test_frames_in_sheets_look_like_the_clip(tmp_path: Path) -> None:
    clip = Clip(moving_picture((5, 40, 64)))
    visualise(clip, None, tmp_path)
    index = read_json(tmp_path / "index.json")
    for number, frame in enumerate(clip.frames):
        error = np.square(tile(tmp_path, index, number).astype(float) - frame).mean()
        assert error < 25  # better than 34 dB


@pytest.mark.parametrize(
    ("size", "shown"), [((36, 64), (36, 64)), ((1080, 1920), (288, 512)), ((100, 4096), (25, 1024))]
)
def test_display_size(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert display_size(*size) == shown


def test_slices_are_the_centre_row_and_column_over_time() -> None:
    frames = moving_picture((6, 30, 50))
    row, column = slices(frames)
    assert row.shape == (6, 50, 3)
    assert column.shape == (30, 6, 3)
    np.testing.assert_array_equal(row[4], frames[4, 15])
    np.testing.assert_array_equal(column[:, 4], frames[4, :, 25])


def test_a_copy_is_white_and_a_shifted_copy_is_one_flat_colour() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 40, 60, 3), dtype=np.uint8)
    same = origin_colours(frames, frames)
    assert same.shape == (6, 40, 60, 3)
    assert np.ptp(same.astype(int), axis=-1).mean() < 1  # no hue
    cut = frames[:, :, 12:]
    shifted = origin_colours(frames, cut).reshape(-1, 3)
    colour, count = np.unique(shifted, axis=0, return_counts=True)
    assert count.max() > 0.98 * len(shifted)
    expected = displacement_colours(np.array([[0, 12]]), np.hypot(40, 60) / 2)[0]
    np.testing.assert_array_equal(colour[count.argmax()], expected)


def test_unrelated_content_is_not_flat() -> None:
    rng = np.random.default_rng(1)
    reference, sample = (rng.integers(0, 256, (6, 40, 60, 3), dtype=np.uint8) for _ in range(2))
    colours = origin_colours(reference, sample).reshape(-1, 3)
    assert np.unique(colours, axis=0, return_counts=True)[1].max() < 0.05 * len(colours)


def test_hue_is_the_direction_and_saturation_the_length() -> None:
    right, down, far, none = displacement_colours(np.array([[0, 5], [5, 0], [0, 10], [0, 0]]), 10.0).astype(int)
    assert right[0] > right[1] == right[2]  # red
    assert down[1] > down[0] > down[2]  # yellow-green
    assert np.ptp(far) > np.ptp(right)
    assert np.ptp(none) == 0


@pytest.mark.parametrize("size", [(1, 9, 9), (2, 5, 90), (3, 7, 7)])
def test_clips_smaller_than_a_patch_have_origins_too(tmp_path: Path, size: tuple[int, int, int]) -> None:
    clip = Clip(moving_picture(size))
    visualise(clip, clip, tmp_path)
    index = read_json(tmp_path / "index.json")
    assert tile(tmp_path, index["origins"], size[0] - 1).shape == (*size[1:], 3)


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    reference, sample = Clip(moving_picture()), Clip(moving_picture(speed=3))
    for name in ("one", "two"):
        visualise(reference, sample, tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.peer
def test_a_real_clip(shared: Path, tmp_path: Path) -> None:
    pictures = sorted((shared / "data/clips/airballoons").glob("*.png"), key=lambda path: int(path.stem))
    frames = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in pictures])
    clips.write(tmp_path / "a.mkv", Clip(frames))
    sample = Clip(np.ascontiguousarray(frames[::-1]))
    visualise(clips.read(tmp_path / "a.mkv"), sample, tmp_path / "v")
    index = read_json(tmp_path / "v/index.json")
    # Time backwards moves no patch in space: nearly all of the field is white or nearly so.
    colours = np.stack([tile(tmp_path / "v", index["origins"], frame) for frame in range(len(frames))])
    assert np.median(np.ptp(colours.astype(int), axis=-1)) < 60
