"""Held-out tests from sheet to report, with a tiny method that this test adds, and what a failing one leaves."""

import csv
import shutil
from dataclasses import replace

import pytest

from onereel.base.files import read_json
from onereel.video.clip import read
from tests.workspace import SMALL_CONFIG, Workspace, copy_repository

CLIPS = "name\tsource\ndiscs\tscene:discs?seed=1&frames=14&height=40&width=56\n"
RUNS = "run\tclip\tmethod\tpreset\nitself\tdiscs\tcalibration\titself\n"
TESTS = (
    "test\tkind\tclip\tmethod\tpreset\tsamples\tseed\tsettings\thorizon\tfactor\n"
    "ahead\tprediction\tdiscs\ttoy\tdemo\t2\t5\t\t3\n"
    "between\tinterpolation\t*\ttoy\tdemo\t1\t0\tspread=3\t\n"
    "larger\tsuper_resolution\tdiscs\ttoy\tdemo\t1\t0\t\t\t2\n"
)
PRESETS = "presets:\n  demo: {}\nresources:\n  fit: {threads: 1}\n  sample: {threads: 1}\n"

PACKAGE = '''"""Repeats what it sees with a little noise; learns how long its clip was."""

import numpy as np
import torch
from safetensors.torch import load_file

from onereel.methods.base import BaseMethod, MethodConfig, Part, Task


class ToyConfig(MethodConfig):
    extrapolate_frames: int = 4
    upsample_factor: int = 4
    super_factor: int = 4
    spread: float = 2.0


class Toy(BaseMethod):
    name, title = "toy", "Toy"
    tasks = frozenset({Task.EXTRAPOLATE, Task.UPSAMPLE_TIME, Task.SUPER_RESOLVE})
    Config = ToyConfig

    def parts(self, task, config):
        return {"length": Part()}

    def fit(self, part, inputs, config, job):
        return {"frames": torch.tensor([len(inputs.clip.frames)])}

    def sample_many(self, task, inputs, config, seeds, job):
        return [self.draw(task, inputs, config, seed, job.models) for seed in seeds]

    def draw(self, task, inputs, config, seed, models):
        frames = inputs.clip.frames
        assert int(load_file(models["length"])["frames"]) <= len(frames)
        rng = np.random.default_rng(seed)
        if task is Task.SUPER_RESOLVE:
            return frames.repeat(config.super_factor, axis=1).repeat(config.super_factor, axis=2)
        if task is Task.EXTRAPOLATE:
            new = np.repeat(frames[-1:], config.extrapolate_frames, axis=0)
            return np.concatenate([frames, self.noisy(new, config, rng)])
        film = np.repeat(frames, config.upsample_factor, axis=0)[: 1 - config.upsample_factor]
        film[1::2] = self.noisy(film[1::2], config, rng)
        return film

    def noisy(self, frames, config, rng):
        return (frames + rng.normal(0, config.spread, frames.shape)).round().clip(0, 255).astype(np.uint8)


METHOD = Toy()
'''


def toy_workspace(target) -> Workspace:
    workspace = copy_repository(target)
    workspace.write("src/onereel/methods/toy/__init__.py", PACKAGE)
    workspace.write("config/methods/toy.yaml", PRESETS)
    workspace.write("config/clips.tsv", CLIPS)
    workspace.write("config/runs.tsv", RUNS)
    workspace.write("config/heldout.tsv", TESTS)
    workspace.write("config/config.yaml", SMALL_CONFIG + "heldout: config/heldout.tsv\n")
    return workspace.own_code()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Workspace:
    """A workspace after its tests. Do not change it."""
    workspace = toy_workspace(tmp_path_factory.mktemp("finished") / "copy")
    workspace.snakemake("--quiet", "rules")
    return workspace


def test_training_sees_the_known_frames_and_no_other(finished):
    clips = finished.root / "data/clips"
    whole = read(clips / "discs.mkv").frames
    past, even = read(clips / "discs.past70.mkv"), read(clips / "discs.even.mkv")
    assert (past.frames == whole[:10]).all()
    assert (even.frames == whole[0:13:2]).all()
    assert even.fps == past.fps / 2
    lengths = {path.parts[-4] for path in (finished.root / "results/models").glob("*/toy/*/length.safetensors")}
    assert read(clips / "discs.small2.mkv").size == (14, 20, 28)
    assert lengths == {"discs.past70", "discs.even", "discs.small2"}


def test_everything_is_measured_and_shown(finished):
    results = finished.root / "results"
    record = read_json(results / "heldout/ahead/record.json")
    assert record["origins"] == [9, 10]
    assert set(record["samples"]) == {"5", "6"}
    assert record["samples"]["5"]["weights"]["length"]
    assert record["samples"]["5"]["settings"] == {"extrapolate_frames": 3}
    mine = [item for item in record["records"] if (item["source"], item["metric"]) == ("method", "psnr")]
    assert len(mine) == 2 * 2 * 3
    films = results / "heldout/ahead/films"
    names = {"truth", "repeat_last", "flow_extrapolation", "5", "6", "side_by_side"}
    assert {path.stem for path in films.glob("*.mkv")} == {path.stem for path in films.glob("*.mp4")} == names
    assert read(films / "truth.mkv").size == (6, 40, 56)
    with (results / "tables/prediction.csv").open() as stream:
        rows = {row["row"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["Repeat last frame", "Linear flow extrapolation, TV-L1", "Toy, demo preset"]
    values = [float(row["PSNR [dB]"]) for row in rows.values()]
    assert values[1] > values[0] > values[2]
    assert rows["Toy, demo preset"]["PSNR [dB] n"] == "4"
    assert [row["PSNR [dB] best"] for row in rows.values()] == ["0", "1", "0"]
    assert "Toy" in (results / "tables/interpolation.md").read_text()
    sizes = (results / "tables/super_resolution.md").read_text()
    assert "Bicubic" in sizes
    assert "Toy" in sizes
    assert (results / "figures/psnr-ahead.svg").exists()
    page = (results / "report/index.html").read_text(encoding="utf-8")
    assert "Held-out frames" in page
    assert "held out: 3 frames ahead, 70 % known" in page
    assert "held out: every second frame" in page
    assert "held out: the size, 2 times that of the known clip" in page
    assert "Toy, demo preset" in page
    assert "better than Bicubic" not in page, "of the preset demo nothing is said to be better or worse"
    assert (results / "report/media/heldout/psnr-ahead.svg").exists()
    assert (results / "report/media/heldout/discs-between/0/frames-0.jpg").exists()


def test_nothing_is_left_to_do_and_a_change_reruns_its_test_only(finished):
    assert finished.planned() == {}
    sheet = (finished.root / "config/heldout.tsv").read_text()
    try:
        finished.edit("config/heldout.tsv", "toy\tdemo\t2\t5", "toy\tdemo\t3\t5")
        planned = finished.planned()
    finally:
        finished.write("config/heldout.tsv", sheet)
    assert planned.pop("conduct") == 1
    assert planned.pop("visualise_heldout") == 1
    assert set(planned) <= {"write_heldout_table", "draw_figures", "heldout", "write_report", "all"}


def test_a_method_that_returns_the_wrong_frames_is_told_so_and_the_rest_is_shown(finished, tmp_path):
    shutil.copytree(finished.root, tmp_path / "copy", symlinks=True)
    workspace = replace(finished, root=tmp_path / "copy")
    workspace.edit("src/onereel/methods/toy/__init__.py", "frames[-1:], config.extrapolate_frames", "frames[-1:], 2")
    done = workspace.run("snakemake", "--quiet", "rules", check=False)
    assert done.returncode != 0
    assert "returned 12x40x56 (frames x height x width), expected 13x40x56" in done.stdout
    assert "Traceback" not in done.stdout
    page = (workspace.root / "results/report-partial/index.html").read_text(encoding="utf-8")
    assert "expected 13x40x56" in page
    assert "Flow interpolation" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("prediction\tdiscs\ttoy", "prediction\tdiscs\tvgpnn", "does not do 'extrapolate'"),
        ("prediction\tdiscs", "predicton\tdiscs", "did you mean 'prediction'?"),
        ("spread=3", "spraed=3", "test 'discs-between'"),
        ("spread=3", "upsample_factor=4", "upsample_factor is 4, the test needs 2"),
    ],
)
def test_a_mistake_in_the_sheet_stops_before_the_first_job(tmp_path, old, new, message):
    workspace = toy_workspace(tmp_path / "copy")
    workspace.edit("config/heldout.tsv", old, new)
    done = workspace.run("snakemake", "--dry-run", check=False)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout


def test_a_clip_that_is_too_short_is_refused_before_training(tmp_path):
    workspace = toy_workspace(tmp_path / "copy")
    workspace.edit("config/heldout.tsv", "5\t\t3\n", "5\t\t9\n")
    done = workspace.run("snakemake", "--quiet", "rules", "--", "trained", check=False)
    assert done.returncode != 0
    assert "of its 14 frames 10 are known and 4 held out" in done.stdout
    assert {path.name for path in (workspace.root / "results/models").glob("*")} == {"discs.even", "discs.small2"}
