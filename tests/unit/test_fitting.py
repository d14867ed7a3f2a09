"""Training around a method: resuming, no two trainers on one state, needed parts first, no NaN in weights."""

import fcntl

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from onereel.base.errors import MethodError
from onereel.base.files import read_json
from onereel.jobs import fitting
from onereel.jobs.fitting import fit_part, train_parts, write_weights
from onereel.methods import BaseMethod, Inputs, Job, MethodConfig, Part, Task
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
        return {"second": Part(("first",)), "first": Part()}

    def fit(self, part, inputs, config, job):
        state = job.workdir / "step.txt"
        step = int(state.read_text()) if state.exists() else 0
        self.trace.append((part, step))
        while step < config.steps:
            if config.die_at == step and not state.exists():
                state.write_text(str(step))
                raise KeyboardInterrupt
            step += 1
        (job.workdir / "curves.tsv").write_text("step\tloss\n1\t0.5\n")
        base = sum(float(load_file(path)["w"].sum()) for path in job.models.values())
        return {"w": torch.full((2,), base + step + job.seed)}


@pytest.fixture
def inputs() -> Inputs:
    return Inputs(Clip(np.zeros((2, 8, 8, 3), np.uint8)))


def fit(toy, inputs, folder, config):
    return fit_part(toy, "first", Part(), inputs, config, Job(torch.device("cpu")), folder)


def train(toy, inputs, config, folder):
    return train_parts(toy, Task.GENERATE, inputs, config, Job(torch.device("cpu"), seed=1), folder)


def test_parts_are_trained_after_those_they_need(tmp_path, inputs):
    toy = Toy()
    files = train(toy, inputs, Config(), tmp_path / "models")
    assert [part for part, _ in toy.trace] == ["first", "second"]
    assert load_file(files["second"])["w"].tolist() == [15, 15]  # 2 * (4 + 1) of `first`, + 4 + 1
    record = read_json(files["second"].with_suffix(".json"))
    assert set(record["weights"]) == {"first"}
    assert files["second"].with_suffix(".curves.tsv").read_text().startswith("step\tloss")


def test_trainings_that_share_a_folder_keep_their_files(tmp_path, inputs):
    folder = tmp_path / "models"
    first = train(Toy(), inputs, Config(), folder)
    before = {part: path.read_bytes() for part, path in first.items()}
    second = train(Toy(), inputs, Config(steps=5), folder)
    assert {part: path.read_bytes() for part, path in first.items()} == before
    assert not set(first.values()) & set(second.values())
    assert train(Toy(), inputs, Config(), folder) == first


def test_an_interrupted_training_resumes_and_other_settings_do_not(tmp_path, inputs):
    toy, config = Toy(), Config(steps=4, die_at=3)
    with pytest.raises(KeyboardInterrupt):
        fit(toy, inputs, tmp_path / "state", config)
    fit(toy, inputs, tmp_path / "state", config)
    fit(toy, inputs, tmp_path / "state", Config(steps=5))
    assert toy.trace == [("first", 0), ("first", 3), ("first", 0)]


def test_changed_code_trains_again(tmp_path, inputs, monkeypatch):
    toy = Toy()
    for digest in ("before", "before", "after"):
        monkeypatch.setattr(fitting, "code_digest", lambda *modules, digest=digest: digest)
        fit(toy, inputs, tmp_path / "state", Config())
    assert len(list((tmp_path / "state").iterdir())) == 2


def test_a_second_trainer_is_refused(tmp_path, inputs):
    fit(Toy(), inputs, tmp_path / "state", Config())
    (folder,) = (tmp_path / "state").iterdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MethodError, match="another job trains here"):
            fit(Toy(), inputs, tmp_path / "state", Config())


def test_weights_that_are_not_finite_are_refused(tmp_path, inputs):
    class Broken(Toy):
        def fit(self, part, *args, **kwargs):
            return {"w": torch.tensor([1.0, float("nan")])}

    with pytest.raises(MethodError, match="'w' is not finite"):
        fit(Broken(), inputs, tmp_path / "state", Config())


def test_weights_are_written_with_record_and_curves(tmp_path):
    write_weights(tmp_path / "a.safetensors", {"w": torch.ones(3)[::1]}, {"seed": 1}, "step\n")
    assert load_file(tmp_path / "a.safetensors")["w"].tolist() == [1, 1, 1]
    assert read_json(tmp_path / "a.json") == {"seed": 1}
