"""What decides whether a file from outside is another one is what it holds, not its date, whatever its name."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from onereel.base.outputs import Result, write_result
from tests.workspace import Workspace, small_workspace

OLD = 10**9
CLIPS = (
    "name\tsource\n"
    "moved\tdata/sources/[x] {clip} é.mp4\n"
    "copied\tdata/sources/copied.mp4\n"
    "folder\tdata/sources/frames <clip>\n"
    "linked\tdata/sources/link.mp4\n"
    "kept\tdata/sources/kept.mp4\n"
    "missing\tdata/sources/missing {x}.mp4\n"
)
RUNS = "run\tclip\tmethod\tsource\ntheirs\tkept\texternal:X\ttheir [1] {run}\n"
MADE = [
    *(Result("clip", Path("data/clips"), line.split()[0]) for line in CLIPS.splitlines()[1:]),
    Result("sample", Path("results/samples/theirs"), "0"),
]


@pytest.fixture
def touched(tmp_path) -> Workspace:
    """Clips and a sample that count as made of their sources, as after a run."""
    workspace = small_workspace(tmp_path / "copy")
    workspace.write("config/clips.tsv", CLIPS)
    workspace.write("config/runs.tsv", RUNS)
    sources = workspace.root / "data/sources"
    for name in ("[x] {clip} é.mp4", "copied.mp4", "kept.mp4", "one.mp4", "two.mp4"):
        write(sources / name, f"a film: {name}")
    (sources / "link.mp4").symlink_to("one.mp4")
    for number in range(3):
        write(sources / f"frames <clip>/{number}.png", f"picture {number}")
    write(workspace.root / "their [1] {run}/0.mkv", "a sample")
    for made in MADE:
        ours = replace(made, folder=workspace.root / made.folder)
        write_result(ours, {}, dict.fromkeys(made.suffixes, Path.touch))
    workspace.snakemake("--touch", "--forceall", "--quiet", "all", "--", "clips", "samples")
    return workspace


def write(path: Path, text: str, date: int = OLD) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (date, date))
    return path


def planned(workspace: Workspace) -> set[str]:
    """The clips, and runs of samples, that would be made again."""
    output = workspace.snakemake("--dry-run", "--", "clips", "samples")
    return set(re.findall(r"wildcards: (?:clip|run)=(\w+)", output))


def test_dates_do_not_matter_and_contents_do(touched):
    sources = touched.root / "data/sources"
    for path in sources.rglob("*"):
        os.utime(path)
    assert planned(touched) == set()

    write(sources / "new.mp4", "a film: [x] {clip} e.mp4", OLD - 9).replace(sources / "[x] {clip} é.mp4")  # mv
    shutil.copy2(write(sources / "new.mp4", "a film: another", OLD - 9), sources / "copied.mp4")  # cp -p
    (sources / "frames <clip>/0.png").rename(sources / "x.png")
    (sources / "frames <clip>/1.png").rename(sources / "frames <clip>/0.png")
    (sources / "x.png").rename(sources / "frames <clip>/1.png")
    (sources / "link.mp4").unlink()
    (sources / "link.mp4").symlink_to("two.mp4")
    write(touched.root / "their [1] {run}/0.mkv", "another sample", OLD - 9)
    assert planned(touched) == {"moved", "copied", "folder", "linked", "theirs"}
