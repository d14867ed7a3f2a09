"""What no training mends is said before any: runs that need a trained part are checked, trainings wait."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from onereel.base.errors import MethodError, OnereelError
from onereel.base.files import read_json, write_json
from onereel.jobs.inputs import read_inputs, resolve
from onereel.jobs.sampling import check_run
from onereel.methods import Job, Task, load_method
from onereel.weights.entries import Mode


def check_runs(runs: Sequence[Mapping[str, Any]], weights: Mode, device: torch.device) -> dict[str, Any]:
    """What is wrong with each of several runs.

    Args:
        runs: of each ``run`` (its name), ``method``, ``task``, ``config``, ``inputs`` (as `read_inputs` takes them),
            ``backbones`` (names) and ``models`` (files of the parts that wait for the answer).
        weights: which weights of pretrained networks are used.
        device: where samples will be drawn; ``meta`` where that is not known here.

    Returns: JSON-ready, by run: ``problem`` (where, what, remedy; empty if there is none) and ``models``.
    """
    return {row["run"]: {"problem": _problem(row, weights, device), "models": list(row["models"])} for row in runs}


def _problem(row: Mapping[str, Any], weights: Mode, device: torch.device) -> list[str]:
    method = load_method(row["method"])
    try:
        backbones = resolve(row["backbones"], weights)
        config = method.Config.model_validate(row["config"])
        check_run(method, Task(row["task"]), read_inputs(**row["inputs"]), config, Job(device, backbones=backbones))
    except OnereelError as error:
        return [error.where, error.problem, error.remedy]
    return []


def write_checks(path: Path, found: Mapping[str, Any]) -> None:
    """Write what `check_runs` found."""
    write_json(path, dict(found))


def require_checked(path: Path, model: str) -> None:
    """Refuse a training whose every run was refused: a model that another run needs is trained for that.

    Args:
        path: what `write_checks` wrote.
        model: file of the part.

    Raises: MethodError with the first run's problem.
    """
    problems = {run: found["problem"] for run, found in read_json(path).items() if model in found["models"]}
    if problems and all(problems.values()):
        run, (where, problem, remedy) = next(iter(problems.items()))
        raise MethodError(f"run '{run}', {where}", problem, remedy)
