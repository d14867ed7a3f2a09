"""What holds tensors: states of trainings, trained models, other people's checkpoints, artefacts, pyramids, caches."""

import os
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import yaml
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import nn

from fuzzing.media import frames
from fuzzing.target import Target, WrongResultError
from onereel.base.errors import WeightsError
from onereel.base.progress import Progress, no_progress
from onereel.gan import growth
from onereel.jobs.fitting import fit_part, write_weights
from onereel.jobs.sampling import SampleRequest, draw, write_sample
from onereel.methods import Inputs, Job, Method, MethodConfig, Part, Task, load_method
from onereel.methods.base import CLIP
from onereel.metrics.base import Context
from onereel.report.page.previews import preview
from onereel.training import loop
from onereel.video import pyramid
from onereel.video.clip import Clip, to_video
from onereel.video.pyramid import Ladder
from onereel.weights.store import Weights

_CPU = torch.device("cpu")
_CLIP = Clip(frames(5, 24, 30), Fraction(10))
_SETTINGS: dict[str, dict[str, Any]] = {
    "sinfusion": {
        "network": {"channels": 8, "blocks": 2, "embedding": 8},
        "training": {"average": 0.9, "precision": "float32"},
        "image": {"steps": 3},
        "sampling_steps": 2,
    },
    "singan_gif": {
        "ladder": {"min_side": 16, "factor": 1.5},
        "levels_3d": 1,
        "channels": 4,
        "depth": 2,
        "steps": [2],
        "window": [4, 4],
        "adversarial": {"precision": "float32"},
    },
    "hp_vae_gan": {
        "min_width": 16,
        "rates": [2, 1],
        "vae_levels": 1,
        "channels": 4,
        "latent": 6,
        "depth": 2,
        "steps": [2],
        "factor": 0.5,
        "adversarial": {"precision": "float32"},
    },
}


_PARTS = {"sinfusion": "image", "singan_gif": "pyramid", "hp_vae_gan": "hierarchy"}


class _StoppedError(Exception):
    """The training is stopped on purpose, between two checkpoints."""


class _Stop:
    """A `Progress` that stops a training before the last step of its so many-th loop."""

    def __init__(self, loops: int) -> None:
        self._left = loops

    def __call__(self, items: Iterable[Any], *, total: int = 0, **_: Any) -> Iterator[Any]:
        self._left -= 1
        last = total - 1 if self._left == 0 else total
        for item in items:
            if item == last:
                raise _StoppedError
            yield item


def _method(name: str) -> tuple[Method, MethodConfig]:
    method = load_method(name)
    return method, method.Config.model_validate(_SETTINGS[name])


def _train(name: str, case: Path, progress: Progress = no_progress) -> tuple[Mapping[str, Any], dict[str, Any], str]:
    method, config = _method(name)
    job = Job(_CPU, progress=progress)
    return fit_part(method, _PARTS[name], Part(), Inputs(_CLIP), config, job, case / "state")


def _make_states(folder: Path) -> None:
    """Trainings as a kill leaves them, with a checkpoint after every step."""
    often = {"checkpoint_seconds": 0.0}
    for name in _PARTS:
        with patch.dict(loop.train.__kwdefaults__, often), patch.dict(growth.grow.__kwdefaults__, often):
            try:
                _train(name, folder / name, _Stop(1 if name == "sinfusion" else 2))
            except _StoppedError:
                continue
        raise AssertionError(f"{name} was not stopped")


def _read_state(case: Path, rng: Random) -> None:
    _train(case.name, case)


def _make_models(folder: Path) -> None:
    for name, part in _PARTS.items():
        write_weights(folder / name / f"{part}.safetensors", *_train(name, folder / name))
        shutil.rmtree(folder / name / "state")


def _read_model(case: Path, rng: Random) -> None:
    method, config = _method(case.name)
    part = _PARTS[case.name]
    task = Task.IMAGE if case.name == "sinfusion" else Task.GENERATE
    request = SampleRequest(run="r", clip="c", method=case.name, task=task, preset="demo", seed=0)
    sample, record = draw(method, request, Inputs(_CLIP), config, Job(_CPU, {part: case / f"{part}.safetensors"}))
    write_sample(case / "out", "0", sample, record)


# Other people's checkpoints


class _Hostile:
    """Asks whoever unpickles it to run a command."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], tuple(self.call[1:])


class _Scripted(nn.Module):
    """A small network with a buffer and a number of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mean", torch.ones(3))
        self.scale = 2.0

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Some function of (N, 3) values."""
        return self.layer(values - self.mean) * self.scale


_FORMATS = {"new": "torch", "old": "torch", "unsafe": "torch", "script": "torchscript", "tensors": "safetensors"}


def _make_checkpoints(folder: Path) -> None:
    """One file for each way to save, and one that asks for code to be run: it must be refused, damaged or not."""
    for name, form in _FORMATS.items():
        (folder / name / "config").mkdir(parents=True)
        entry = {"kind": "real", "role": "x", "title": "X", "licence": "MIT", "source": "s", "preprocessing": "none"}
        files = {"model": {"url": "http://localhost/x", "format": form}}
        (folder / name / "config/weights.yaml").write_text(yaml.safe_dump({"x": {**entry, "files": files}}))
    state = {"model": {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3).half()}, "epoch": 3}
    torch.save(state, folder / "new/given.pt")
    torch.save(state, folder / "old/given.pt", _use_new_zipfile_serialization=False)
    (folder / "unsafe/given.pt").write_bytes(pickle.dumps({"a": _Hostile(os.system, "true"), "b": 1}))
    torch.jit.save(torch.jit.script(_Scripted()), folder / "script/given.ts")
    save_file(state["model"], folder / "tensors/given.safetensors")  # type: ignore[arg-type]


def _read_checkpoint(case: Path, rng: Random) -> None:
    (path,) = case.glob("given.*")
    store = Weights(case / "config/weights.yaml", case / "weights")
    try:
        store.fetch("x", local=path)
    except WeightsError:
        if (case / "weights/x/weights.json").exists():
            raise WrongResultError("a refused file left a record") from None
        raise
    store.resolve("x").tensors()


def _make_store(folder: Path) -> None:
    _make_checkpoints(folder)
    for name in _FORMATS:
        if name != "tensors":
            shutil.rmtree(folder / name)
    Weights(folder / "tensors/config/weights.yaml", folder / "tensors/weights").fetch(
        "x", local=folder / "tensors/given.safetensors"
    )


def _read_store(case: Path, rng: Random) -> None:
    store = Weights(case / "config/weights.yaml", case / "weights")
    store.list_weights()
    store.verify("x")
    store.resolve("x").tensors()
    store.fetch("x", local=case / "given.safetensors")


# What is computed once and read by others


def _make_artefacts(folder: Path) -> None:
    count, height, width = _CLIP.size
    rng = np.random.default_rng(0)
    arrays = {
        "depth": {"inverse_depth": rng.random((count, height, width)).astype(np.float16)},
        "flow": {
            name: rng.normal(size=(count - 1, height, width, 2)).astype(np.float16) for name in ("forward", "backward")
        },
        "embeddings": {"images": np.eye(count, 8, dtype=np.float32)},
    }
    for kind, content in arrays.items():
        (folder / kind).mkdir()
        save_arrays(content, folder / kind / f"{kind}.safetensors", {"weights": "a title 0123"})


def _read_artefact(case: Path, rng: Random) -> None:
    preview(_CLIP, {case.name: case / f"{case.name}.safetensors"}, case / "out")


def _make_pyramids(folder: Path) -> None:
    levels = pyramid.build(to_video(_CLIP.frames), Ladder(min_side=12, min_frames=3))
    pyramid.save(folder / "pyramid/pyramid.safetensors", levels)


def _read_pyramid(case: Path, rng: Random) -> None:
    method = load_method("vgpnn")
    config = method.Config.model_validate({"em_iterations": 1, "ladder": {"min_side": 12}})
    inputs = Inputs(_CLIP, artefacts={(CLIP, "pyramid"): case / "pyramid.safetensors"})
    request = SampleRequest(run="r", clip="c", method="vgpnn", task=Task.GENERATE, preset="demo", seed=0)
    draw(method, request, inputs, config, Job(_CPU))


def _stored(cache: Path, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return Context(cache=cache).stored("fuzz", [_CLIP.frames], {"layer": 1}, compute)


def _statistics() -> dict[str, np.ndarray]:
    return {"mean": np.arange(6.0), "covariance": np.eye(6), "count": np.array(7)}


def _make_caches(folder: Path) -> None:
    _stored(folder / "cache", _statistics)


def _read_cache(case: Path, rng: Random) -> None:
    """A cache is never an error, and never wrong: what is damaged is computed again."""
    found, truth = _stored(case, _statistics), _statistics()
    if set(found) != set(truth) or any(not np.array_equal(found[name], truth[name]) for name in truth):
        raise WrongResultError("a damaged cache was believed")


TARGETS = [
    Target("states", _make_states, _read_state, victims="state/**/*.*", disturbs=True),
    Target("models", _make_models, _read_model, victims="*.safetensors"),
    Target("checkpoints", _make_checkpoints, _read_checkpoint, victims="given.*", inert=True),
    Target("weights-store", _make_store, _read_store, victims="weights/x/*", inert=True),
    Target("artefacts", _make_artefacts, _read_artefact),
    Target("pyramids", _make_pyramids, _read_pyramid),
    Target("caches", _make_caches, _read_cache),
]
