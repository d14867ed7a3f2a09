"""What no training mends is said before any: a part that none of its runs can use is not trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from onereel.base.errors import MethodError, OnereelError
from onereel.jobs.inputs import read_inputs, resolve
from onereel.jobs.sampling import check_run
from onereel.methods import Job, Task, load_method
from onereel.weights.entries import Mode


def require_wanted(runs: Sequence[Mapping[str, Any]], weights: Mode, device: torch.device) -> None:
    """Refuse a training whose every run is refused: a model that another run can use is trained for that.

    A run whose files other jobs have still to make is not known to be refused.

    Args:
        runs: of each ``run`` (its name), ``method``, ``task``, ``config``, ``inputs`` (as `read_inputs` takes them) and
            ``backbones`` (names).
        weights: which weights of pretrained networks are used.
        device: where the part is trained, and samples most likely drawn.

    Raises: MethodError with the first run's problem.
    """
    refusals = [(row["run"], _refusal(row, weights, device)) for row in runs]
    if refusals and all(error for _, error in refusals):
        run, error = refusals[0]
        assert error is not None  # all are errors
        raise MethodError(f"run '{run}', {error.where}", error.problem, error.remedy)


def _refusal(row: Mapping[str, Any], weights: Mode, device: torch.device) -> OnereelError | None:
    inputs = row["inputs"]
    stored = [inputs.get("clip", ""), *inputs.get("clips", {}).values(), *inputs.get("files", {}).values()]
    stored += [path for _, _, path in inputs.get("artefacts", ())]
    if not all(Path(path).exists() for path in filter(None, stored)):
        return None
    method = load_method(row["method"])
    try:
        backbones = resolve(row["backbones"], weights)
        config = method.Config.model_validate(row["config"])
        check_run(method, Task(row["task"]), read_inputs(**inputs), config, Job(device, backbones=backbones))
    except OnereelError as error:
        return error
    return None
