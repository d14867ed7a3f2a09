"""Train one part of a method so that a kill costs little: what the workflow's `train` rule does around `Method.fit`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import torch

from onereel.base import tensorfiles
from onereel.base.codefiles import code_digest
from onereel.base.errors import MethodError
from onereel.base.files import sha256_once, write_json, write_text
from onereel.base.locks import alone_in
from onereel.base.provenance import measured, provenance
from onereel.jobs.inputs import contents_of
from onereel.methods import Inputs, Job, Method, MethodConfig, Part, Task, training_code
from onereel.methods.base import BACKBONES
from onereel.training.curves import curves_text, read_curves

CURVES = "curves.tsv"
"""Name of the training curves in a state folder: tab-separated, a header, first column ``step``."""


def fit_part(
    method: Method, part: str, declared: Part, inputs: Inputs, config: MethodConfig, job: Job, state_folder: Path
) -> tuple[Mapping[str, torch.Tensor], dict[str, Any], str]:
    """Train `part` on what it reads; return its state dict, a record of what it took and its curves as TSV.

    Checkpoints go to a folder below `state_folder` named by a hash of method, its code, what the part reads, settings,
    needed parts and seed (``state`` in the record): training resumes its own state and never that of anything else.

    Args:
        method: whose part.
        part: its name.
        declared: what it needs and reads.
        inputs: everything that there is; the method gets what the part reads.
        config: settings.
        job: where and with what; its folder is ignored.
        state_folder: for checkpoints.
    """
    seen = inputs.only(declared.reads)
    needed = {name: sha256_once(job.models[name]) for name in declared.needs}
    asked = {"method": method.name, "part": part, "config": config.trained_with(), "seed": job.seed}
    backbones = job.backbones if BACKBONES in declared.reads else {}
    read = contents_of(seen) | {f"backbone {name}": backbones[name].sha256 for name in sorted(backbones)}
    identity = {**asked, "weights": needed, "reads": read, "code": code_digest(*training_code(method))}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    workdir = state_folder / key
    own = replace(job, models={name: job.models[name] for name in declared.needs}, backbones=backbones, workdir=workdir)
    with alone_in(workdir), measured(job.device) as cost:
        state = method.fit(part, seen, config, own)
    _check_finite(method, part, state)
    rows = read_curves(workdir / CURVES)
    # In all of its attempts, as the curves say.
    cost["seconds"] = round(max([cost["seconds"], *(row.get("seconds", 0.0) for row in rows)]), 3)
    return state, {**identity, "state": key, **cost, **provenance(job.device)}, curves_text(rows)


def write_weights(path: Path, state: Mapping[str, torch.Tensor], record: Mapping[str, Any], curves: str) -> None:
    """Write ``{part}.safetensors``, ``{part}.curves.tsv`` and, last, ``{part}.json``."""
    tensorfiles.save(path, state)
    write_text(path.with_suffix(".curves.tsv"), curves)
    write_json(path.with_suffix(".json"), dict(record))


def train_parts(
    method: Method, task: Task, inputs: Inputs, config: MethodConfig, job: Job, folder: Path
) -> dict[str, Path]:
    """Train every part that `task` needs, each after those that it needs, into `folder`; return the files by part."""
    files: dict[str, Path] = {}
    parts = method.parts(task, config)
    for part in TopologicalSorter({name: declared.needs for name, declared in parts.items()}).static_order():
        own = replace(job, models=files)
        state, record, curves = fit_part(method, part, parts[part], inputs, config, own, folder / "state" / part)
        # Of other clips, methods and settings that share the folder there may be parts of the same name.
        files[part] = folder / f"{method.name}-{part}-{record['state']}.safetensors"
        write_weights(files[part], state, record, curves)
    return files


def _check_finite(method: Method, part: str, state: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise MethodError(f"{method.name}, part '{part}'", f"'{name}' is not finite", "lower the learning rate")
