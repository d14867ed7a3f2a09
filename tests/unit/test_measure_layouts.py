"""Sheets of edits, and public benchmarks read and written in their published layouts."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel.base.errors import ConfigError, MetricError
from onereel.cli.layouts import import_benchmark, write_benchmark
from onereel.metrics.measures.layouts import READERS, read_layout
from onereel.metrics.measures.sheet import Asked, find_outputs, load_edits, read_mask, read_sheet, sheet_text
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.metric_clips import noisy, textured

FRAMES = textured((4, 32, 40))[..., :1].repeat(3, -1)  # grey: 4:2:0 blurs what differs in colour alone
TGVE = "Video name,Our GT caption,Style Change Caption,Object Change Caption,Background Change Caption,"


def pictures(folder: Path, frames: np.ndarray, suffix: str = ".png", first: int = 0) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / f"{number:05}{suffix}")


def video(path: Path, frames: np.ndarray = FRAMES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    clips.write_h264(path, Clip(frames))


def loveu(folder: Path) -> Path:
    video(folder / "DAVIS_480p/480p_videos/bear.mp4")
    pictures(folder / "youtube_480p/480p_frames/two-boats", FRAMES, ".jpg")
    lines = [
        f"{TGVE}Multiple Changes Caption,Source",
        "DAVIS Videos:,,,,,,",
        'bear,A bear walks.,"A bear walks, anime.",A panda walks.,A bear on Mars.,"A panda on Mars, anime.",DAVIS',
        ",,,,,,",
        "Youtube Videos:,,,,,,",
        "two-boats,Two boats.,Two boats in oil.,Two swans.,,Two swans in oil.,youtube",
    ]
    (folder / "LOVEU-TGVE-2023_Dataset.csv").write_text("\n".join(lines))
    return folder


def v2vbench(folder: Path) -> Path:
    video(folder / "videos/hike.mp4")
    (folder / "config.yaml").write_text(
        "data:\n- video_id: hike\n  prompt: a man hikes\n  edit:\n"
        "  - prompt: a superman hikes\n  - prompt: a man hikes, pixel art\n"
    )
    return folder


def five(folder: Path) -> Path:
    pictures(folder / "images/0001_bus", FRAMES, ".jpg", 1)
    video(folder / "videos/0001_bus.mp4")
    mask = np.zeros((4, 32, 40), np.uint8)
    mask[:, 8:24, 8:24] = 255
    pictures(folder / "bmasks/0001_bus", mask, ".jpg", 1)
    item = {
        "video_name": "0001_bus", "source_prompt": "a [red] bus", "target_prompt": "a [blue] bus",
        "save_dir": "edit3_blue", "editing_type_id": "3",
    }  # fmt: skip
    (folder / "edit_prompt").mkdir()
    (folder / "edit_prompt/edit3_FiVE.json").write_text(json.dumps([item]))
    gone = {**item, "target_prompt": "a street", "save_dir": "edit6_gone"}
    (folder / "edit_prompt/edit6_FiVE.json").write_text(json.dumps([gone, gone]))
    return folder


def davis(folder: Path) -> Path:
    pictures(folder / "JPEGImages/480p/bear", FRAMES, ".jpg")
    (folder / "Annotations/480p/bear").mkdir(parents=True)
    for number in range(4):
        image = Image.fromarray(np.uint8(np.indices((32, 40))[1] >= 20) * 4)  # the fourth thing: dark blue
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128])
        image.save(folder / f"Annotations/480p/bear/{number:05}.png")
    return folder


def test_loveu_has_four_edits_a_video_in_three_folders(tmp_path):
    edits = read_layout("loveu", loveu(tmp_path))
    assert [edit.name for edit in edits] == [
        "bear-style", "bear-object", "bear-background", "bear-multiple", "two-boats-style", "two-boats-object",
        "two-boats-multiple",
    ]  # fmt: skip
    assert edits[0].prompt == "A bear walks, anime."
    assert {edit.source_prompt for edit in edits} == {"A bear walks.", "Two boats."}
    assert edits[-1].source == tmp_path / "youtube_480p/480p_frames/two-boats"
    assert edits[-1].output == "youtube_480p/two-boats/multiple"
    assert not any(edit.moves or edit.mask for edit in edits)


def test_v2vbench_numbers_its_prompts(tmp_path):
    edits = read_layout("v2vbench", v2vbench(tmp_path))
    assert [(edit.name, edit.prompt, edit.output) for edit in edits] == [
        ("hike-0", "a superman hikes", "hike/0"),
        ("hike-1", "a man hikes, pixel art", "hike/1"),
    ]
    assert {edit.source_prompt for edit in edits} == {"a man hikes"}


def test_five_has_masks_and_brackets_around_what_changes(tmp_path):
    colour, gone, again = read_layout("five", five(tmp_path))
    assert (colour.kind, colour.prompt, colour.source_prompt) == ("colour", "a blue bus", "a red bus")
    assert (gone.kind, gone.moves, colour.moves) == ("object_removal", True, False)
    assert again.name == "0001_bus-edit6-2", "two edits of one video have two names"
    assert colour.output == "0001_bus/edit3_blue"
    mask = read_mask(colour.mask, (4, 32, 40), "edit")
    assert mask.mean() == pytest.approx(256 / 1280), "what JPEG leaves beside a mask is no mask"


def test_davis_has_masks_of_every_colour_and_no_prompts(tmp_path):
    (edit,) = read_layout("davis", davis(tmp_path))
    assert (edit.name, edit.prompt) == ("bear", "")
    assert (read_mask(edit.mask, (4, 32, 40), "edit") == (np.arange(40) >= 20)).all()


@pytest.mark.parametrize("kind", ["loveu", "v2vbench", "five", "davis"])
def test_sheets_and_layouts_lead_to_each_other(kind, tmp_path):
    make = {"loveu": loveu, "v2vbench": v2vbench, "five": five, "davis": davis}[kind]
    folder, said = make(tmp_path / "theirs"), []
    import_benchmark(kind, folder, folder / "edits.csv", overwrite=False, say=said.append)
    asked = read_sheet(folder / "edits.csv")
    assert [(one.name, one.prompt) for one in asked] == [(one.name, one.prompt) for one in read_layout(kind, folder)]
    assert not Path(next(csv.DictReader((folder / "edits.csv").open()))["source"]).is_absolute()
    with pytest.raises(ConfigError, match="is there already"):
        import_benchmark(kind, folder, folder / "edits.csv", overwrite=False, say=said.append)
    write_benchmark(kind, folder / "edits.csv", tmp_path / "ours", say=said.append)
    again = read_layout(kind, tmp_path / "ours")
    assert sorted((one.prompt, one.source_prompt, one.kind, one.moves) for one in again) == sorted(
        (one.prompt, one.source_prompt, one.kind, one.moves) for one in asked
    )
    for one in again:
        outputs = {one.name: str(one.source)}
        (edit,) = load_edits([one], outputs, {})
        assert edit.source.shape == FRAMES.shape
        assert np.abs(edit.source.astype(float) - FRAMES).mean() < 12, "H.264 and JPEG lose a little"
    assert sum(one.mask is not None for one in again) == sum(one.mask is not None for one in asked)
    with pytest.raises(ConfigError, match="not empty"):
        write_benchmark(kind, folder / "edits.csv", tmp_path / "ours", say=said.append)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("loveu", "no files LOVEU-TGVE"), ("v2vbench", "no files"), ("five", "edit1_FiVE.json"), ("davis", "JPEGImages")],
)
def test_other_folders_are_refused_in_a_line_that_says_what_is_missing(kind, told, tmp_path):
    with pytest.raises(ConfigError, match=told):
        read_layout(kind, tmp_path)
    with pytest.raises(ConfigError, match="is no folder"):
        read_layout(kind, tmp_path / "none")
    with pytest.raises(ConfigError, match=f"did you mean '{kind}'"):
        read_layout(f"{kind}x", tmp_path)
    assert kind in READERS


def test_a_video_that_is_not_there_is_named(tmp_path):
    folder = loveu(tmp_path)
    (folder / "DAVIS_480p/480p_videos/bear.mp4").unlink()
    with pytest.raises(ConfigError, match="names video 'bear', which is not in DAVIS_480p/480p_videos"):
        read_layout("loveu", folder)


def test_outputs_are_found_as_the_benchmark_has_them_or_by_name(tmp_path):
    edits = read_layout("v2vbench", v2vbench(tmp_path / "bench"))
    video(tmp_path / "a/hike/0.mp4")
    pictures(tmp_path / "a/hike/1", FRAMES)
    video(tmp_path / "b/hike-1.mp4")
    assert set(find_outputs(edits, tmp_path / "a")) == {"hike-0", "hike-1"}
    assert find_outputs(edits, tmp_path / "b") == {"hike-1": str(tmp_path / "b/hike-1.mp4")}
    (tmp_path / "c").mkdir()
    with pytest.raises(ConfigError, match="holds no output of the 2 edits"):
        find_outputs(edits, tmp_path / "c")


def test_what_cannot_be_read_is_missing_and_not_zero(tmp_path):
    source = tmp_path / "source.mkv"
    clips.write(source, Clip(FRAMES))
    clips.write(tmp_path / "long.mkv", Clip(np.concatenate([noisy(FRAMES, 3)] * 2)))
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    asked = [Asked(name, source) for name in ("long", "broken", "absent")]
    outputs = {"long": str(tmp_path / "long.mkv"), "broken": str(tmp_path / "broken.mp4")}
    missing: dict[str, str] = {}
    assert list(load_edits(asked, outputs, missing)) == []
    assert missing["absent"] == "no output"
    assert "is 8x32x40" in missing["long"]
    assert "broken" in missing["broken"]
    missing.clear()
    (edit,) = load_edits(asked, outputs, missing, align="crop")
    assert edit.output.shape == FRAMES.shape
    assert set(missing) == {"broken", "absent"}


def test_masks_must_fit(tmp_path):
    Image.fromarray(np.full((32, 40), 255, np.uint8)).save(tmp_path / "one.png")
    assert read_mask(tmp_path / "one.png", (4, 32, 40), "edit").all(), "one picture holds for all frames"
    with pytest.raises(MetricError, match=r"edit 'x': its mask is 4x32x40"):
        read_mask(tmp_path / "one.png", (4, 32, 41), "edit 'x'")


def test_sheets_are_checked(tmp_path):
    path = tmp_path / "edits.csv"
    path.write_text("name,source,motion\na,a.mp4,perhaps\n")
    with pytest.raises(ConfigError, match=r"line 2: motion 'perhaps' is unknown"):
        read_sheet(path)
    path.write_text("name,source,kind\na,a.mp4,speed\nb,b.mp4,style\n")
    assert [one.moves for one in read_sheet(path)] == [True, False], "kinds of known edits that change motion"
    path.write_text("name,source\na,a.mp4\na,b.mp4\n")
    with pytest.raises(ConfigError, match="stands twice"):
        read_sheet(path)
    text = sheet_text([Asked("a", tmp_path / "a, b.mp4", prompt='a "red", kite', moves=True)], tmp_path)
    path.write_text(text)
    (one,) = read_sheet(path)
    assert (one.prompt, one.source, one.moves) == ('a "red", kite', tmp_path / "a, b.mp4", True)
