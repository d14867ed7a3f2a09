"""Train one part of a method so that a kill costs little: what the workflow's `train` rule does around `Method.fit`."""

import hashlib
import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import torch

from onereel.base import tensorfiles
from onereel.base.codefiles import code_digest
from onereel.base.errors import MethodError
from onereel.base.files import sha256_of, write_json, write_text
from onereel.base.locks import alone_in
from onereel.base.progress import Progress
from onereel.base.provenance import measured, provenance
from onereel.methods import Inputs, Method, MethodConfig, Task, training_code
from onereel.training.curves import curves_text, read_curves

CURVES = "curves.tsv"
"""Name of the training curves in a state folder: tab-separated, a header, first column ``step``."""


def fit_part(
    method: Method,
    part: str,
    inputs: Inputs,
    config: MethodConfig,
    *,
    weights: Mapping[str, Path],
    state_folder: Path,
    clip_path: Path,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> tuple[Mapping[str, torch.Tensor], dict[str, Any], str]:
    """Train `part`; return its state dict, a record of what it took and its curves as TSV.

    Checkpoints go to a folder below `state_folder` named by a hash of method, its code, data, settings, needed
    parts and seed (``state`` in the record): training resumes its own state and never that of anything else.
    """
    needed = {name: sha256_of(path) for name, path in weights.items()}
    asked = {"method": method.name, "part": part, "config": config.trained_with(), "seed": seed}
    identity = {**asked, "weights": needed, "clip": sha256_of(clip_path), "code": code_digest(*training_code(method))}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    workdir = state_folder / key
    with alone_in(workdir), measured(device) as cost:
        state = method.fit(
            part, inputs, config, weights=weights, workdir=workdir, device=device, seed=seed, progress=progress
        )
    _check_finite(method, part, state)
    rows = read_curves(workdir / CURVES)
    # In all of its attempts, as the curves say.
    cost["seconds"] = round(max([cost["seconds"], *(row.get("seconds", 0.0) for row in rows)]), 3)
    return state, {**identity, "state": key, **cost, **provenance(device)}, curves_text(rows)


def write_weights(path: Path, state: Mapping[str, torch.Tensor], record: Mapping[str, Any], curves: str) -> None:
    """Write ``{part}.safetensors``, ``{part}.curves.tsv`` and, last, ``{part}.json``."""
    tensorfiles.save(path, state)
    write_text(path.with_suffix(".curves.tsv"), curves)
    write_json(path.with_suffix(".json"), dict(record))


def train_parts(
    method: Method,
    task: Task,
    inputs: Inputs,
    config: MethodConfig,
    folder: Path,
    *,
    clip_path: Path,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> dict[str, Path]:
    """Train every part that `task` needs, each after those that it needs, into `folder`; return the files by part."""
    files: dict[str, Path] = {}
    needs = method.parts(task, config)
    for part in TopologicalSorter(needs).static_order():
        state, record, curves = fit_part(
            method,
            part,
            inputs,
            config,
            weights={name: files[name] for name in needs[part]},
            state_folder=folder / "state" / part,
            clip_path=clip_path,
            device=device,
            seed=seed,
            progress=progress,
        )
        # Of other clips, methods and settings that share the folder there may be parts of the same name.
        files[part] = folder / f"{method.name}-{part}-{record['state']}.safetensors"
        write_weights(files[part], state, record, curves)
    return files


def _check_finite(method: Method, part: str, state: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise MethodError(f"{method.name}, part '{part}'", f"'{name}' is not finite", "lower the learning rate")
