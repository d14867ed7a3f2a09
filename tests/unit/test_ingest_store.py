"""Clips on disk, samples on disk, scenes as sources."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from onereel.base.errors import ClipError, ConfigError
from onereel.ingest import discover, ingest, load, write_clip
from onereel.scenes import render_spec
from onereel.video.clip import Clip, read, write, write_preview

from .ingest_media import encode, ramp
from .test_ingest_pictures import animate, write_folder


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_clip_is_a_lossless_file_a_preview_and_a_manifest(tmp_path: Path) -> None:
    clip, manifest = ingest(str(encode(tmp_path / "v.mkv", ramp(), rate=Fraction(25, 2))), name="grey", fps=10)
    write_clip(tmp_path / "clips", "grey", clip, manifest)
    assert tree(tmp_path / "clips") == ["grey.json", "grey.mkv", "grey.mp4"]
    back = read(tmp_path / "clips" / "grey.mkv")
    assert np.array_equal(back.frames, clip.frames)
    assert back.fps == 10
    stored = json.loads((tmp_path / "clips" / "grey.json").read_text())
    assert {key: value for key, value in stored.items() if key != "written"} == manifest
    assert stored["size"] == [5, 32, 48]
    assert (stored["fps"], stored["declared_fps"], stored["resampled_fps"]) == ("10", "25/2", "10")


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = str(encode(tmp_path / "v.mkv", ramp()))
    for folder in ("a", "b"):
        write_clip(tmp_path / folder, "c", *ingest(source, name="c"))
    for name in ("c.mkv", "c.mp4", "c.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", ["../x", "a b", "-x", "", "vögel", "a/b", ".a"])
def test_names_that_could_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClipError, match="name"):
        write_clip(tmp_path / "in", name, Clip(ramp()), {})
    assert not (tmp_path / "in").exists()


def test_load_takes_the_exact_way_for_our_files_and_any_way_for_others(tmp_path: Path) -> None:
    clip = Clip(ramp(), Fraction(1_000_003, 31_337))
    write(tmp_path / "ours.mkv", clip)
    assert load(tmp_path / "ours.mkv").fps == clip.fps
    assert load(str(encode(tmp_path / "theirs.mkv", ramp()))).size == (6, 32, 48)
    write_folder(tmp_path / "f", ramp(3), ["1.png", "2.png", "3.png"])
    assert load(tmp_path / "f").size == (3, 32, 48)
    write(tmp_path / "one.mkv", Clip(ramp(1)))
    assert load(tmp_path / "one.mkv").size == (1, 32, 48)


def test_ingesting_our_own_file_keeps_frames_and_rate(tmp_path: Path) -> None:
    clip = Clip(np.random.default_rng(0).integers(0, 256, (5, 33, 47, 3), dtype=np.uint8), Fraction(30000, 1001))
    write(tmp_path / "c.mkv", clip)
    again, _ = ingest(str(tmp_path / "c.mkv"))
    assert np.array_equal(again.frames, clip.frames)
    assert again.fps == clip.fps


def test_a_folder_of_videos(tmp_path: Path) -> None:
    for name in ("10", "9", "b"):
        write(tmp_path / f"{name}.mkv", Clip(ramp(2)))
        write_preview(tmp_path / f"{name}.mp4", Clip(ramp(2)))
        (tmp_path / f"{name}.json").write_text("{}")
    animate(tmp_path / "c.gif", ramp(2), 100)
    animate(tmp_path / "d.png", ramp(2), 100)
    write_preview(tmp_path / "e.mp4", Clip(ramp(2)))
    (tmp_path / ".hidden.mkv").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    assert discover(tmp_path) == {
        name: str(tmp_path / file)
        for name, file in {
            "9": "9.mkv",
            "10": "10.mkv",
            "b": "b.mkv",
            "c": "c.gif",
            "d": "d.png",
            "e": "e.mp4",
        }.items()
    }
    assert all(load(source).size[0] == 2 for source in discover(tmp_path).values())


def test_folders_of_numbered_pictures(tmp_path: Path) -> None:
    for name in ("10", "2"):
        write_folder(tmp_path / name, ramp(3), ["0.png", "1.png", "2.png"])
    (tmp_path / "empty").mkdir()
    (tmp_path / ".cache").mkdir()
    assert list(discover(tmp_path)) == ["2", "10"]
    assert discover(tmp_path / "2") == {"2": str(tmp_path / "2")}


def test_one_file_and_globs(tmp_path: Path) -> None:
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        for seed in (0, 1):
            write(tmp_path / run / f"{seed}.mkv", Clip(ramp(2)))
            write_preview(tmp_path / run / f"{seed}.mp4", Clip(ramp(2)))
    assert discover(tmp_path / "a" / "0.mkv") == {"0": str(tmp_path / "a" / "0.mkv")}
    assert list(discover(f"{tmp_path}/*/0.*")) == ["a-0", "b-0"]
    assert list(discover(f"{tmp_path}/**/*.mkv")) == ["a-0", "a-1", "b-0", "b-1"]
    assert list(discover(f"{tmp_path}/a/?.mkv")) == ["0", "1"]
    assert discover(f"{tmp_path}/a/0.mp4")["0"].endswith("0.mp4")  # asked for by name


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no such file"):
        discover(tmp_path / "none")
    for pattern in (tmp_path, f"{tmp_path}/*.mkv"):
        with pytest.raises(ClipError, match="no video there"):
            discover(pattern)


def test_a_scene_is_a_source() -> None:
    spec = "scene:balloons?seed=3&frames=4&height=24&width=40&fps=12"
    clip, manifest = ingest(spec, name="sky")
    scene = render_spec(spec)
    assert np.array_equal(clip.frames, scene.frames)
    assert clip.fps == 12
    assert manifest["caption"] == scene.caption
    other = "scene:balloons?fps=12&width=40&height=24&frames=4&seed=3"
    assert ingest(other)[1]["sha256"] == manifest["sha256"]
    assert ingest(spec.replace("seed=3", "seed=4"))[1]["sha256"] != manifest["sha256"]
    assert ingest(spec, start="1", end="3", height=12)[0].size == (2, 12, 20)
    with pytest.raises(ConfigError):
        ingest("scene:none")
