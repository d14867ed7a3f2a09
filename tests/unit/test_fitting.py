"""Training around a method: resuming, no two trainers on one state, needed parts first, no NaN in weights."""

import fcntl
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from onereel.base.errors import MethodError
from onereel.base.files import read_json
from onereel.base.progress import no_progress
from onereel.jobs import fitting
from onereel.jobs.fitting import fit_part, train_parts, write_weights
from onereel.methods import BaseMethod, Inputs, MethodConfig, Task
from onereel.video import clip as clips
from onereel.video.clip import Clip


class Config(MethodConfig):
    steps: int = 4
    """Training steps."""
    die_at: int | None = None
    """Step at which the first attempt is killed."""


class Toy(BaseMethod):
    name = "toy"
    title = "Toy"
    tasks = frozenset({Task.GENERATE})
    Config = Config

    def __init__(self):
        self.trace: list[tuple[str, int]] = []

    def parts(self, task, config):
        return {"second": ("first",), "first": ()}

    def fit(self, part, inputs, config, *, weights, workdir, device, seed, progress):
        state = workdir / "step.txt"
        step = int(state.read_text()) if state.exists() else 0
        self.trace.append((part, step))
        while step < config.steps:
            if config.die_at == step and not state.exists():
                state.write_text(str(step))
                raise KeyboardInterrupt
            step += 1
        (workdir / "curves.tsv").write_text("step\tloss\n1\t0.5\n")
        base = sum(float(load_file(path)["w"].sum()) for path in weights.values())
        return {"w": torch.full((2,), base + step + seed)}


@pytest.fixture
def clip_path(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    clips.write(path, Clip(np.zeros((2, 8, 8, 3), np.uint8)))
    return path


def fit(toy, clip_path, folder, config, seed=0):
    return fit_part(
        toy,
        "first",
        Inputs(clips.read(clip_path)),
        config,
        weights={},
        state_folder=folder,
        clip_path=clip_path,
        device=torch.device("cpu"),
        seed=seed,
        progress=no_progress,
    )


def test_parts_are_trained_after_those_they_need(tmp_path, clip_path):
    toy = Toy()
    files = train_parts(
        toy,
        Task.GENERATE,
        Inputs(clips.read(clip_path)),
        Config(),
        tmp_path / "models",
        clip_path=clip_path,
        device=torch.device("cpu"),
        seed=1,
        progress=no_progress,
    )
    assert [part for part, _ in toy.trace] == ["first", "second"]
    assert load_file(files["second"])["w"].tolist() == [15, 15]  # 2 * (4 + 1) of `first`, + 4 + 1
    record = read_json(files["second"].with_suffix(".json"))
    assert set(record["weights"]) == {"first"}
    assert files["second"].with_suffix(".curves.tsv").read_text().startswith("step\tloss")


def test_trainings_that_share_a_folder_keep_their_files(tmp_path, clip_path):
    place = {"clip_path": clip_path, "device": torch.device("cpu"), "seed": 1, "progress": no_progress}
    inputs, folder = Inputs(clips.read(clip_path)), tmp_path / "models"
    first = train_parts(Toy(), Task.GENERATE, inputs, Config(), folder, **place)
    before = {part: path.read_bytes() for part, path in first.items()}
    second = train_parts(Toy(), Task.GENERATE, inputs, Config(steps=5), folder, **place)
    assert {part: path.read_bytes() for part, path in first.items()} == before
    assert not set(first.values()) & set(second.values())
    assert train_parts(Toy(), Task.GENERATE, inputs, Config(), folder, **place) == first


def test_an_interrupted_training_resumes_and_other_settings_do_not(tmp_path, clip_path):
    toy, config = Toy(), Config(steps=4, die_at=3)
    with pytest.raises(KeyboardInterrupt):
        fit(toy, clip_path, tmp_path / "state", config)
    fit(toy, clip_path, tmp_path / "state", config)
    fit(toy, clip_path, tmp_path / "state", Config(steps=5))
    assert toy.trace == [("first", 0), ("first", 3), ("first", 0)]


def test_changed_code_trains_again(tmp_path, clip_path, monkeypatch):
    toy = Toy()
    for digest in ("before", "before", "after"):
        monkeypatch.setattr(fitting, "code_digest", lambda *modules, digest=digest: digest)
        fit(toy, clip_path, tmp_path / "state", Config())
    assert len(list((tmp_path / "state").iterdir())) == 2


def test_a_second_trainer_is_refused(tmp_path, clip_path):
    fit(Toy(), clip_path, tmp_path / "state", Config())
    (folder,) = (tmp_path / "state").iterdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MethodError, match="another job trains here"):
            fit(Toy(), clip_path, tmp_path / "state", Config())


def test_weights_that_are_not_finite_are_refused(tmp_path, clip_path):
    class Broken(Toy):
        def fit(self, part, *args, **kwargs):
            return {"w": torch.tensor([1.0, float("nan")])}

    with pytest.raises(MethodError, match="'w' is not finite"):
        fit(Broken(), clip_path, tmp_path / "state", Config())


def test_weights_are_written_with_record_and_curves(tmp_path):
    write_weights(tmp_path / "a.safetensors", {"w": torch.ones(3)[::1]}, {"seed": 1}, "step\n")
    assert load_file(tmp_path / "a.safetensors")["w"].tolist() == [1, 1, 1]
    assert read_json(tmp_path / "a.json") == {"seed": 1}
