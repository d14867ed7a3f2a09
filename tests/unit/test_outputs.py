"""What a command may write over: nothing that it reads, nothing of somebody else's."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from onereel.base.errors import ConfigError, FileError, OnereelError
from onereel.base.files import read_json, write_json
from onereel.base.outputs import Kind, Result, check_outputs, list_folder, stranger, write_result
from onereel.cli import app as cli
from onereel.ingest import write_frames
from onereel.video.clip import Clip, read

from .ingest_media import encode, ramp

SCENE = "scene:balloons?seed=1&frames=3&height=24&width=32"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def onereel(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> str:
    """Run a command in `folder`; the line with which it was refused, or "" where it was not."""
    monkeypatch.chdir(folder)
    try:
        cli.app(list(arguments), standalone_mode=False)
    except OnereelError as error:
        return str(error)
    return ""


def ours(folder: Path, name: str = "c", kind: Kind = "clip") -> Result:
    write_frames(kind, folder, name, Clip(ramp(3)), {"name": name, "shape": (1, float("nan"))})
    return Result(kind, folder, name)


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({"holiday.mp4": 8}, ("ingest", "holiday.mp4", "holiday.mkv")),  # the preview would have the source's name
        ({"camera.mkv": 8}, ("ingest", "camera.mkv", "camera.mkv")),
        ({"camera.mkv": 8}, ("ingest", "camera.mkv", "./../{folder}/camera.mkv")),
        ({"camera.mkv": 8, "notes.json": 0}, ("ingest", "camera.mkv", "notes.mkv")),
        ({"camera.mkv": 8, "a.mp4": 0}, ("ingest", "camera.mkv", "a.mkv")),
        ({"0.mp4": 8}, ("generate", "0.mp4", "--method", "vgpnn", "--out", ".")),
        ({"2.mp4": 8}, ("generate", "2.mp4", "--method", "vgpnn", "--out", ".")),  # the third sample's preview
        ({"c.mkv": 8, "1.mkv": 8}, ("generate", "c.mkv", "--method", "vgpnn", "--out", ".", "--input", "a=clip:1.mkv")),
        ({"c.mkv": 8, "0.json": 0}, ("generate", "c.mkv", "--method", "vgpnn", "--out", ".")),
        ({"c.mkv": 8, "m.json": 0}, ("evaluate", "--reference", "c.mkv", "--samples", "c.mkv", "--out", "m.json")),
        ({"w.npz": 0}, ("scenes", "render", "balloons?frames=3&height=24&width=32", "w.mkv")),
        ({"w.png": 0}, ("scenes", "sheet", "w.png", "--count", "1")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_others_stay_as_they_are(tmp_path, monkeypatch, files, arguments, overwrite):
    for name, frames in files.items():
        if frames:
            encode(tmp_path / name, ramp(frames))
        else:
            (tmp_path / name).write_text('{"mine": true}')
    before = contents(tmp_path)
    asked = [word.format(folder=tmp_path.name) for word in arguments]
    said = onereel(monkeypatch, tmp_path, *asked, *(["--overwrite"] if overwrite else []))
    assert "name another output" in said
    assert any(name in said for name in files)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_to_what_is_read_is_the_same_file(tmp_path, link):
    source = encode(tmp_path / "source.mkv", ramp())
    link(source, tmp_path / "c.mkv")
    with pytest.raises(ConfigError, match="this command reads it"):
        check_outputs([Result("clip", tmp_path, "c")], [source])
    with pytest.raises(ConfigError, match="this command reads it"):  # one of the pictures of a folder
        check_outputs([Result("clip", tmp_path, "c")], [tmp_path])


def test_a_folder_of_frames_takes_no_video(tmp_path, monkeypatch):
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(ramp(3)):
        Image.fromarray(frame).save(tmp_path / f"frames/{number + 1}.png")
    (tmp_path / "link").symlink_to("frames")
    before = contents(tmp_path)
    for arguments in (
        ("ingest", "frames", "frames/c.mkv"),
        ("generate", "frames", "--method", "calibration", "--preset", "itself", "--out", "link"),
    ):
        assert "a folder that this command reads" in onereel(monkeypatch, tmp_path, *arguments)
    assert contents(tmp_path) == before


def test_an_evaluation_is_repeated_beside_its_samples(tmp_path, monkeypatch):
    ours(tmp_path, "c")
    ours(tmp_path / "samples", "0", "sample")
    asked = ("evaluate", "--reference", "c.mkv", "--samples", "samples", "--metrics", "psnr", "--out")
    for _ in range(2):
        assert onereel(monkeypatch, tmp_path, *asked, "samples/metrics.json") == ""
    assert "no metrics that onereel wrote" in onereel(monkeypatch, tmp_path, *asked, "samples/0.json")


def test_our_own_are_replaced_unless_somebody_changed_them(tmp_path):
    for suffix in (".mkv", ".mp4", ".json"):
        result = ours(tmp_path)
        check_outputs([result], ["scene:balloons"])
        changed = tmp_path / f"c{suffix}"
        if suffix == ".json":
            write_json(changed, {**read_json(changed), "caption": "my own words"})
        else:
            changed.write_bytes(changed.read_bytes() + b"edited")
        with pytest.raises(ConfigError, match=rf"c{suffix}'.*--overwrite"):
            check_outputs([result], [])
        check_outputs([result], [], overwrite=True)
        with pytest.raises(ConfigError, match="this command reads it"):
            check_outputs([result], [changed], overwrite=True)


def test_a_result_of_another_kind_or_name_is_no_place_for_this_one(tmp_path):
    ours(tmp_path, "c", "clip")
    with pytest.raises(ConfigError, match="no metrics that onereel wrote"):
        check_outputs([Result.metrics(tmp_path / "c.json")], [])
    for suffix in (".mkv", ".mp4", ".json"):
        shutil.copy(tmp_path / f"c{suffix}", tmp_path / f"copy{suffix}")
    with pytest.raises(ConfigError, match=r"copy\.mkv'.*no clip that onereel wrote"):
        check_outputs([Result("clip", tmp_path, "copy")], [], overwrite=True)


def test_clips_of_earlier_versions_are_ours(tmp_path):
    result = ours(tmp_path)
    write_json(result.manifest, {"name": "c", "source": "holiday.mp4", "sha256": "0", "size": [3, 24, 32], "fps": "12"})
    check_outputs([result], [])
    write_json(result.manifest, {"name": "c", "source": "holiday.mp4", "licence": "mine"})  # somebody's own notes
    with pytest.raises(ConfigError, match="no clip that onereel wrote"):
        check_outputs([result], [], overwrite=True)


def test_places_where_nothing_can_be_written(tmp_path):
    (tmp_path / "d.mkv").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="Is a directory"):
        check_outputs([Result("clip", tmp_path, "d")], [])
    with pytest.raises(FileError, match="Not a directory"):
        check_outputs([Result("clip", tmp_path / "file/deeper", "c")], [])
    check_outputs([Result("clip", tmp_path / "new/deeper", "c")], [])


def test_all_or_nothing(tmp_path):
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    result = ours(tmp_path)
    before = contents(tmp_path)
    for broken in (".mkv", ".mp4"):
        writers = {".mkv": lambda path: path.touch(), ".mp4": lambda path: path.touch()} | {broken: fail}
        for name in ("c", "new"):
            with pytest.raises(FileError, match=rf"{name}\.mkv'.*No space left"):
                write_result(Result("clip", tmp_path, name), {}, writers)
    assert contents(tmp_path) == before
    check_outputs([result], [])
    assert read(tmp_path / "c.mkv").size[0] == 3


def test_what_people_leave_in_a_folder_of_ours_is_seen(tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "media/a.mp4").touch()
    assert stranger(tmp_path) is None  # nobody wrote down what there was
    list_folder(tmp_path)
    for program in (".snakemake_timestamp", ".DS_Store", "media/Thumbs.db"):  # left by Snakemake and file managers
        (tmp_path / program).touch()
    assert stranger(tmp_path) is None
    (tmp_path / "media/report.zip").touch()
    assert stranger(tmp_path) == tmp_path / "media/report.zip"
    for damaged in ("", "{", "7", "[[]]"):
        (tmp_path / ".onereel.json").write_text(damaged)
        assert stranger(tmp_path) is None


def test_a_second_ingestion_replaces_the_first(tmp_path, monkeypatch):
    for frames in (3, 5):
        assert (
            onereel(monkeypatch, tmp_path, "ingest", SCENE.replace("frames=3", f"frames={frames}"), "é [1].mkv") == ""
        )
        assert read(tmp_path / "é [1].mkv").size[0] == frames


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_kill_between_the_files_of_a_result_leaves_nothing_that_counts_as_somebody_else_s(
    tmp_path, monkeypatch, killed_after
):
    replaced, rename = [], Path.replace

    def replace(path: Path, target: Path) -> Path:
        if Path(target).parent == tmp_path:
            if len(replaced) == killed_after:
                raise KeyboardInterrupt
            replaced.append(target)
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            ours(tmp_path)
    assert len(list(tmp_path.iterdir())) == killed_after
    check_outputs([Result("clip", tmp_path, "c")], [])
    ours(tmp_path)
    assert read(tmp_path / "c.mkv").size[0] == 3
