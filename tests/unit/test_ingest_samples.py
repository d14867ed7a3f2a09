"""Folders as people keep them: what in them is a sample, which pictures are frames, what is said of the rest."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel.base.errors import ClipError, ConfigError
from onereel.base.run_record import RunRecord
from onereel.ingest import discover, find_samples, ingest, load
from onereel.ingest.series import natural_key
from onereel.jobs.sampling import SampleRequest, asked_of
from onereel.video.clip import Clip, write, write_preview

from .ingest_media import numbers, ramp
from .test_ingest_pictures import animate


def frames(folder: Path, names: str, *, size: tuple[int, int] = (32, 48)) -> Path:
    """A folder of pictures; picture i has the level of frame i of `ramp`."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = names.split()
    for name, frame in zip(listed, ramp(len(listed), *size), strict=True):
        Image.fromarray(frame).save(folder / name)
    return folder


def refusal(pattern: Path | str, function: Callable[..., object] = find_samples) -> str:
    with pytest.raises(ClipError) as caught:
        function(pattern)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


@pytest.mark.parametrize(
    "names",
    [
        "frame_-1.png frame_0.png frame_1.png",
        "-10.png -9.png 0.png",
        "frame-1.png frame-2.png frame-10.png",  # no signs
        "t0.25.png t0.5.png t1.0.png t1.125.png",
        "shot_010.1.png shot_010.2.png shot_010.10.png",  # no fractions
        "2026.11.9.png 2026.11.28.png",
        "Frame_1.PNG frame_2.Png FRAME_10.png",
        "a_0007.png a_0010.png a_00100.png",
        "٠.png ٩.png ١٠.png",  # Arabic-Indic 0, 9, 10
        "9.png 100000000000000000000000000000.png 100000000000000000000000000001.png",
        "0001_t0.5.png 0002_t0.25.png 0010_t0.1.png",  # two numbers that count together
        "12_58.png 12_59.png 13_00.png",  # a clock
        "IMG(2).png IMG(10).png",
    ],
)
def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path, names: str) -> None:
    folder = frames(tmp_path / "f", names)
    clip, manifest = ingest(str(folder))
    assert numbers(clip.frames) == list(range(len(names.split())))
    assert manifest["notes"] == []
    assert find_samples(folder).left_out == ()


def test_natural_order_knows_signs_and_fractions() -> None:
    names = ["x_1", "x_10", "x_0.5", "x_-1.5", "x_0.25", "x_-2", "x_0", "x_-1"]
    assert " ".join(sorted(names, key=natural_key)) == "x_-2 x_-1.5 x_-1 x_0 x_0.25 x_0.5 x_1 x_10"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("a_0.png a_1.png b_0.png b_1.png", ["series", "a_0.png", "b_0.png"]),
        ("s0_f0.png s0_f1.png s1_f0.png s1_f1.png", ["series", "s0_f0.png", "s1_f0.png"]),
        ("0.png 0_mask.png 1.png 1_mask.png", ["series", "0.png", "0_mask.png"]),
        ("left.png right.png", ["do not number", "left.png", "right.png"]),
        ("0.png 00.png 1.png", ["same number", "0.png", "00.png"]),
        ("0.png 0.bmp 1.png", ["same number", "0.png", "0.bmp"]),
    ],
)
def test_what_is_no_single_series_is_refused_alike_as_a_clip_and_as_a_sample(
    tmp_path: Path, names: str, said: list[str]
) -> None:
    folder = frames(tmp_path / "f", names)
    for text in (refusal(str(folder), ingest), refusal(folder)):
        assert all(word in text for word in said)


def test_pictures_that_are_not_of_the_series_are_no_frames_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = frames(tmp_path / "f", "0.png 1.png 2.png")
    frames(folder, "mask.png 0_input.png")
    found = find_samples(folder)
    assert list(found.samples) == ["f"]
    assert numbers(load(folder).frames) == [0, 1, 2]
    assert "mask.png" in caplog.text
    assert "mask.png" in found.summary()
    assert "0_input.png" in found.summary()
    note = ingest(str(folder))[1]["notes"][0]
    assert "mask.png" in note
    assert "0_input.png" in note


def test_frames_beside_a_video_are_ambiguous(tmp_path: Path) -> None:
    folder = frames(tmp_path / "f", "0000.png 0001.png 0002.png")
    write_preview(folder / "out.mp4", Clip(ramp(3)))
    for text in (refusal(folder), refusal(tmp_path), refusal(str(folder), ingest)):
        assert f"name the video: '{folder}/out.mp4'" in text
        assert "0000.png" in text
    write_preview(folder / "b.mp4", Clip(ramp(3)))
    assert f"'{folder}/*.mp4'" in refusal(folder)
    assert list(discover(f"{folder}/*.mp4")) == ["b", "out"]


def test_a_folder_of_frames_beside_their_video_is_ambiguous(tmp_path: Path) -> None:
    frames(tmp_path / "frames", "0.png 1.png")
    write_preview(tmp_path / "out.mp4", Clip(ramp(2)))
    assert "'frames'" in refusal(tmp_path)
    (tmp_path / "frames").rename(tmp_path / "fish")  # a sample of its own
    assert find_samples(tmp_path).summary() == "2 samples: fish, out"


def test_pictures_named_as_the_videos_beside_them_are_posters(tmp_path: Path) -> None:
    for name in ("0", "1"):
        write_preview(tmp_path / f"{name}.mp4", Clip(ramp(2)))
    frames(tmp_path, "0.png 1.png loss.jpg")
    found = find_samples(tmp_path)
    assert list(found.samples.values()) == [str(tmp_path / "0.mp4"), str(tmp_path / "1.mp4")]
    assert len(found.left_out) == 3


@pytest.mark.parametrize("name", ["thumbs", "small", "Masks"])
def test_previews_and_masks_in_a_folder_of_frames_are_no_samples(tmp_path: Path, name: str) -> None:
    folder = frames(tmp_path / "f", "0.png 1.png 2.png")
    frames(folder / name, "0.png 1.png 2.png", size=(8, 12))
    found = find_samples(folder)
    assert found.samples == {"f": str(folder)}
    assert f"{name}/" in found.summary()
    assert list(discover(tmp_path)) == ["f"]


def test_frames_beside_folders_of_frames_are_ambiguous(tmp_path: Path) -> None:
    folder = frames(tmp_path / "f", "0.png 1.png 2.png")
    frames(folder / "other", "0.png 1.png 2.png")
    text = refusal(folder)
    assert "'other'" in text
    assert list(discover(f"{folder}/*/")) == ["other"]


def test_thumbnails_beside_videos_are_no_sample(tmp_path: Path) -> None:
    write_preview(tmp_path / "0.mp4", Clip(ramp(2)))
    frames(tmp_path / "thumbs", "0.png 1.png")
    assert list(discover(tmp_path)) == ["0"]


def test_a_sample_in_two_lossy_formats_is_refused_naming_both(tmp_path: Path) -> None:
    for name in ("0", "1"):
        write_preview(tmp_path / f"{name}.mp4", Clip(ramp(2)))
        animate(tmp_path / f"{name}.gif", ramp(2), 100)
    text = refusal(tmp_path)
    assert "'0.gif', '0.mp4'" in text
    assert f"'{tmp_path}/*.gif'" in text
    assert len(discover(f"{tmp_path}/*.gif")) == len(discover(f"{tmp_path}/*.mp4")) == 2


def test_of_a_sample_in_two_formats_the_lossless_one_is_taken(tmp_path: Path) -> None:
    animate(tmp_path / "a.png", ramp(2), 100)
    animate(tmp_path / "a.gif", ramp(2), 100)
    frames(tmp_path / "b", "0.png 1.png")
    write_preview(tmp_path / "b.mp4", Clip(ramp(2)))
    found = find_samples(tmp_path)
    assert found.samples == {"a": str(tmp_path / "a.png"), "b": str(tmp_path / "b")}
    assert "a.gif" in found.summary()


def test_links_to_a_sample_are_the_same_sample(tmp_path: Path) -> None:
    write(tmp_path / "3.mkv", Clip(ramp(2)))
    (tmp_path / "best.mkv").symlink_to("3.mkv")
    frames(tmp_path / "run 1", "0.png 1.png")
    (tmp_path / "latest").symlink_to("run 1")
    (tmp_path / "loop.mkv").symlink_to("loop.mkv")
    found = find_samples(tmp_path)
    assert list(found.samples) == ["3", "loop", "run 1"]  # a link to nothing is named when it is read
    assert "latest" in found.summary()
    assert "best.mkv" in found.summary()


def test_junk_is_passed_over_and_single_pictures_are_named(tmp_path: Path) -> None:
    for name in ("sample 0, [v0] (é)", "sample 1"):
        frames(tmp_path / name, "0.png 1.png")
        frames(tmp_path / "__MACOSX" / name, "0.png 1.png")
    (tmp_path / "empty").mkdir()
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "._0.mp4"):
        (tmp_path / name).write_bytes(b"x" * 10)
    frames(tmp_path, "loss.png")
    frames(tmp_path / "plots", "loss.png psnr.png")
    found = find_samples(tmp_path)
    assert list(found.samples) == ["sample 0, [v0] (é)", "sample 1"]
    assert [text.split(" (")[0] for text in found.left_out] == ["plots/", "loss.png"]
    assert list(discover(f"{tmp_path}/sample 0, [v0] (é)/../sample*")) == ["sample 0, [v0] (é)", "sample 1"]


def test_a_broken_sample_is_named_and_not_dropped(tmp_path: Path) -> None:
    animate(tmp_path / "0.webp", ramp(2), 100)
    for name in ("1.webp", "2.MP4"):
        (tmp_path / name).touch()
    assert list(discover(tmp_path)) == ["0", "1", "2"]


def test_samples_one_floor_below_are_pointed_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_preview(tmp_path / "run" / "0.mp4", Clip(ramp(2)))
    assert f"'{tmp_path}/*/*.mp4'" in refusal(tmp_path)
    write_preview(tmp_path / "1.mp4", Clip(ramp(2)))
    assert "run/ (a folder of videos)" in find_samples(tmp_path).left_out


def test_single_pictures_are_no_samples(tmp_path: Path) -> None:
    folder = frames(tmp_path / "f", "0.png 1.png")
    assert "name the folder" in refusal(f"{folder}/*.png")


def test_pictures_of_unread_formats_are_named(tmp_path: Path) -> None:
    for name in ("0.exr", "1.EXR"):
        (tmp_path / name).write_bytes(b"v/1\x01")
    for text in (refusal(tmp_path), refusal(str(tmp_path), ingest)):
        assert "0.exr" in text
        assert "PNG" in text


# Whose samples are whose: the record of a run


def draw(folder: Path, request: SampleRequest, *seeds: str) -> list[str]:
    """Do what `generate` does for some seeds; return what it reports."""
    said: list[str] = []
    record = RunRecord(folder)
    record.begin({"method": request.method, "settings": dict(request.settings)}, seeds, said.append)
    for seed in seeds:
        write(folder / f"{seed}.mkv", Clip(ramp(2)))
        write_preview(folder / f"{seed}.mp4", Clip(ramp(2)))
        own = {"method": request.method, "settings": dict(request.settings), "seed": int(seed)}
        (folder / f"{seed}.json").write_text(json.dumps(own))
        record.add(seed)
    return said


def asked(method: str, **settings: object) -> SampleRequest:
    return SampleRequest("run", "clip", method, "generate", "demo", 0, settings)  # type: ignore[arg-type]


def test_a_runs_record_says_which_samples_are_its_own(tmp_path: Path) -> None:
    assert draw(tmp_path, asked("vgpnn"), "0", "1") == []
    assert draw(tmp_path, asked("vgpnn"), "2", "1") == []  # more seeds of the same request
    assert list(discover(tmp_path)) == ["0", "1", "2"]
    (said,) = draw(tmp_path, asked("vgpnn", patch=[3, 5, 5]), "0")
    assert said == f"{tmp_path}: 2 other samples are not of this run and no longer counted"
    frames(tmp_path, "a_0.png a_1.png")
    found = find_samples(tmp_path)
    assert list(found.samples) == ["0"]
    assert [text.split(" ")[0] for text in found.left_out] == ["1.mkv", "2.mkv", "a_0.png", "a_1.png"]
    (tmp_path / "0.mkv").unlink()
    assert "'0.mkv'" in refusal(tmp_path)
    assert list(discover(f"{tmp_path}/[12].mkv")) == ["1", "2"]  # by name, whatever the record says


def test_a_run_that_was_stopped_counts_no_old_samples(tmp_path: Path) -> None:
    draw(tmp_path, asked("vgpnn"), "0", "1")
    RunRecord(tmp_path).begin({"method": "sinfusion"}, ["0"], print)
    assert "no sample yet" in refusal(tmp_path)


def test_two_commands_may_draw_into_one_folder_but_not_two_requests(tmp_path: Path) -> None:
    first, second = RunRecord(tmp_path), RunRecord(tmp_path)
    for record in (first, second):
        record.begin({"method": "vgpnn"}, [], print)
    first.add("0")
    second.add("1")
    assert RunRecord(tmp_path).samples == ("0", "1")
    RunRecord(tmp_path).begin({"method": "gpnn"}, [], print)
    with pytest.raises(ConfigError, match="another request's"):
        first.add("2")


def test_no_name_is_lost_where_commands_write_at_once(tmp_path: Path) -> None:
    early = RunRecord(tmp_path)  # read before its training, which takes longer than all of the others'

    def command(first: int) -> None:
        record = RunRecord(tmp_path)
        record.begin({"method": "vgpnn"}, [], print)
        for seed in range(first, first + 10):
            record.add(str(seed))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(command, range(0, 80, 10)))
    early.begin({"method": "vgpnn"}, [], print)
    early.add("80")
    assert sorted(map(int, RunRecord(tmp_path).samples)) == list(range(81))


def test_without_a_record_samples_of_several_requests_are_refused(tmp_path: Path) -> None:
    draw(tmp_path, asked("vgpnn"), "0", "1")
    draw(tmp_path, asked("vgpnn", patch=[3, 5, 5]), "2")
    (tmp_path / "run.json").unlink()
    text = refusal(tmp_path)
    assert "'0.mkv', '1.mkv' and '2.mkv'" in text
    assert "settings" in text
    (tmp_path / "2.json").write_text("[]")  # no record of ours: nobody knows, and nothing is claimed
    assert list(discover(tmp_path)) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"kind": "onereel run"}', '{"kind": "onereel run", "request": 1}'),
        *(f'{{"kind": "onereel run", "request": {{}}, "samples": {names}}}' for names in ('["0", "0"]', '["../0"]')),
    ],
)
def test_a_file_that_is_no_record_is_kept_and_passed_over(tmp_path: Path, text: str) -> None:
    write(tmp_path / "0.mkv", Clip(ramp(2)))
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ConfigError, match="move it away"):
        RunRecord(tmp_path)
    assert (tmp_path / "run.json").read_text() == text
    assert list(discover(tmp_path)) == ["0"]


def test_a_request_is_all_that_samples_depend_on_but_their_seeds(tmp_path: Path) -> None:
    from onereel.methods import Inputs, load_method

    config = load_method("vgpnn").Config()
    (tmp_path / "mask").write_bytes(b"a")

    def of(clip: np.ndarray, request: SampleRequest) -> dict[str, object]:
        return asked_of(request, config, Inputs(Clip(clip), files={"mask": tmp_path / "mask"}))

    first = of(ramp(2), asked("vgpnn"))
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(of(ramp(2), asked("vgpnn"))))
    assert of(ramp(3), asked("vgpnn")) != first
    assert of(ramp(2), asked("vgpnn", patch=1)) != first
    os.truncate(tmp_path / "mask", 0)
    assert of(ramp(2), asked("vgpnn")) != first
