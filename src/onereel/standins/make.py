"""Train a stand-in, score it, describe it, and take it over as the one that the project ships."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from onereel.base.errors import WeightsError
from onereel.base.files import read_json, sha256_of, write_json, write_text
from onereel.base.locks import alone_in
from onereel.base.progress import Progress, no_progress
from onereel.base.provenance import measured, provenance
from onereel.standins.base import StandIn
from onereel.standins.card import card_of
from onereel.standins.registry import find
from onereel.training.loop import CURVES, train
from onereel.training.trainer import Trainer
from onereel.weights.checkpoints import write_tensors
from onereel.weights.store import Resolved, joined

MODEL, SCORES, CARD = "model.safetensors", "scores.json", "card.md"
"""Files of a trained stand-in's folder, beside ``curves.tsv``."""
SHIPPED = Path("config/stand_ins")
"""Where adopted stand-ins lie, relative to the project."""


def train_stand_in(
    name: str,
    out: Path,
    *,
    state_folder: Path,
    device: torch.device,
    needed: Mapping[str, Path] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, float]:
    """Train a stand-in, resuming where an earlier attempt stopped, and score it on worlds that it never saw.

    Args:
        name: key of `STAND_INS`.
        out: folder for ``model.safetensors``, ``scores.json``, ``curves.tsv`` and ``card.md``.
        state_folder: checkpoints go below it, in a folder named by a hash of all settings.
        device: where to train.
        needed: the files of the stand-ins that it needs, by name.
        seed: of the first weights and of every batch.
        progress: watches rendering and training.

    Returns: the scores.
    Raises: WeightsError for an unknown name, or where one that it needs is missing; MethodError if the training
        diverges or another job trains the same.
    """
    stand_in = find(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = stand_in.network()
    found = _needed(stand_in, needed or {})
    settings = {"steps": stand_in.steps, "seed": seed, "training": stand_in.training.model_dump(mode="json")}
    settings |= {f"needs {other}": weights.sha256 for other, weights in found.items()}
    workdir = state_folder / name / _key(settings, network)
    with alone_in(workdir), measured(device) as cost:
        stand_in.begin(network, found)
        data = stand_in.data(progress, found)
        trainee = Trainer(
            network,
            lambda running, generator, step: stand_in.loss(running, data, generator, step / stand_in.steps),
            stand_in.training,
            steps=stand_in.steps,
            device=device,
            seed=seed,
        )
        train(trainee, steps=stand_in.steps, workdir=workdir, progress=progress, label=name)
    out.mkdir(parents=True, exist_ok=True)
    write_tensors(out / MODEL, _stored(stand_in, stand_in.finished(trainee.result())))
    shutil.copyfile(workdir / CURVES, out / CURVES)
    facts = {**settings, **cost, "seconds": _seconds(out / CURVES), **provenance(device)}
    return describe(stand_in, out, facts, found, device=device)


def describe(
    stand_in: StandIn,
    folder: Path,
    facts: Mapping[str, Any],
    needed: Mapping[str, Resolved],
    *,
    device: torch.device,
) -> dict[str, float]:
    """Score the model in a folder and write ``scores.json`` and ``card.md`` beside it."""
    weights = resolved(stand_in, folder / MODEL, needed)
    sha = weights.parts[stand_in.part][1]
    scores = stand_in.scores(weights, device=device)
    write_json(folder / SCORES, {"name": stand_in.name, "sha256": sha, "scores": scores, "training": dict(facts)})
    write_text(folder / CARD, card_of(stand_in, sha, scores, facts))
    return scores


def resolved(stand_in: StandIn, path: Path, needed: Mapping[str, Resolved]) -> Resolved:
    """Weights in a file as the store would resolve them, with the needed parts of the same entry."""
    entry = stand_in.entry or stand_in.name
    parts = {stand_in.part: (path, sha256_of(path))}
    for name, weights in needed.items():
        parts |= weights.parts if weights.name == entry or name in stand_in.borrows else {}
    sha = joined([sha for _, sha in parts.values()])
    return Resolved(entry, stand_in.role, stand_in.title, stand_in.title, sha, True, parts)


def _needed(stand_in: StandIn, paths: Mapping[str, Path]) -> dict[str, Resolved]:
    for name in stand_in.needs:
        if name not in paths or not paths[name].is_file():
            remedy = f"run: snakemake results/stand_ins/{name}/{CARD}"
            raise WeightsError(f"stand-in '{stand_in.name}'", f"needs '{name}', which is not trained", remedy)
    return {name: resolved(find(name), paths[name], {}) for name in stand_in.needs}


def adopt(name: str, folder: Path, project: Path = Path()) -> Path:
    """Ship a trained stand-in: copy its weights and card to ``config/stand_ins`` and its checksum to the sheet.

    Args:
        name: key of `STAND_INS`.
        folder: what `train_stand_in` wrote.
        project: the project's root.

    Returns: the file of the weights.
    Raises: WeightsError for an unknown name, a folder that holds no such model, or a sheet without such an entry.
    """
    stand_in, where = find(name), f"stand-in '{name}'"
    try:
        found = read_json(folder / SCORES)
    except (OSError, ValueError):
        raise WeightsError(where, f"'{folder}' holds no trained model", "run: snakemake stand_ins") from None
    if found["name"] != name or sha256_of(folder / MODEL) != found["sha256"]:
        raise WeightsError(where, f"'{folder}' holds '{found['name']}', or it has changed", "run: snakemake stand_ins")
    sheet = project / "config/weights.yaml"
    text = sheet.read_text(encoding="utf-8")
    file = SHIPPED / f"{name}.safetensors"
    # In the entry's block, the checksum that stands after the file's name.
    entry = re.escape(stand_in.entry or name)
    place = rf"(?m)(^{entry}:\n(?:[ #].*\n|\n)*?.*\b{re.escape(file.as_posix())}[,\s]+sha256: )[0-9a-f]+"
    changed, count = re.subn(place, rf"\g<1>{found['sha256']}", text)
    if count != 1:
        problem = (
            f"'{sheet}' has no entry '{stand_in.entry or name}' with 'file: {file.as_posix()}' and a sha256 after it"
        )
        raise WeightsError(where, problem, "add one of kind stand-in")
    target = project / file
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / MODEL, target)
    shutil.copyfile(folder / CARD, target.with_suffix(".md"))
    write_text(sheet, changed)
    return target


def _stored(stand_in: StandIn, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if not stand_in.half:
        return dict(tensors)
    return {name: value.half() if value.dtype == torch.float32 else value for name, value in tensors.items()}


def _seconds(curves: Path) -> float:
    """Of training, earlier attempts included."""
    header, *rows = [line.split("\t") for line in curves.read_text(encoding="utf-8").splitlines()]
    return float(rows[-1][header.index("seconds")])


def _key(settings: Mapping[str, Any], network: torch.nn.Module) -> str:
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    return hashlib.sha256(json.dumps([settings, shapes], sort_keys=True).encode()).hexdigest()[:16]
