"""Level after level: each is a training of its own that survives a kill, and one that is finished never runs again.

The number of levels follows from the clip's size, which is unknown where the workflow's graph is drawn; so the levels
are folders within one trained part: ``level_00/checkpoint.pt`` while it trains, ``level_00/finished.safetensors``
after. All that a level starts from is a function of the seed, the clip and the finished levels below.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.base.files import write_text
from onereel.base.progress import Progress
from onereel.gan import guards
from onereel.gan.settings import AdversarialConfig
from onereel.gan.statistics import DRIFT
from onereel.training import loop
from onereel.training.curves import curves_text, read_curves
from onereel.video.pyramid import Size

FINISHED = "finished.safetensors"
_SETTLED_STEPS = 200  # before that, samples of a level may look like anything
_RETURNING = 0.95  # share of the drift before that is left of it
_REMEDY = "lower adversarial.learning_rate, use adversarial.precision=float32"
State = Mapping[str, Tensor]
"""All that is kept of a finished level."""

log = logging.getLogger(__name__)


class Level(Protocol):
    """A level in training: a `onereel.training.loop.Trainee` that knows how it does, and what is to be kept."""

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """Take one step."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that `update` changes."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        ...

    def measure(self) -> Mapping[str, float]:
        """How it does, for the curves; `DRIFT` among it is checked."""
        ...

    def finished(self) -> dict[str, Tensor]:
        """What is kept: enough to sample with, and to train the next level."""
        ...


def train_levels(
    begin: Callable[[int, Sequence[State]], Level],
    sizes: Sequence[Size],
    steps: Sequence[int],
    own: AdversarialConfig,
    *,
    values: float,
    operations: Sequence[float],
    max_drift: float,
    label: str,
    workdir: Path,
    device: torch.device,
    progress: Progress,
) -> list[State]:
    """Say what a training takes, then train every level that is not finished; return what is kept of all.

    Args:
        begin: ``begin(index, below)`` makes a level from the finished ones below it.
        sizes: (T, H, W) of every level, coarsest first.
        steps: of every level.
        own: settings of the optimisation.
        values: numbers that the largest level keeps for its backward pass.
        operations: work of every level in units of one step of the coarsest.
        max_drift: see `grow`.
        label: names the training.
        workdir: for the levels' states and curves.
        device: where to train.
        progress: watches the loops.

    Raises: MethodError if the device has too little memory, values are not finite, or colours run away.
    """
    needed = guards.peak_memory(values, own.precision, device)
    guards.check_memory(needed, device, label)
    if (finished := finished_levels(workdir)) < len(sizes):
        timed = _timed(begin, workdir, finished, len(sizes), own, device, label)
        seconds = guards.seconds_of_levels(timed, steps, operations)
        guards.announce(label, sizes, needed, sum(seconds[finished:]), finished)
    return grow(steps, begin, workdir=workdir, progress=progress, label=label, max_drift=max_drift)


def _timed(
    begin: Callable[[int, Sequence[State]], Level],
    workdir: Path,
    finished: int,
    count: int,
    own: AdversarialConfig,
    device: torch.device,
    label: str,
) -> dict[int, float]:
    """Seconds of a step of the first level that is to be trained and of the last, by number; those between are only
    begun, since the last one starts from them.
    """
    states = (_load(workdir / f"level_{index:02d}" / FINISHED, label) for index in range(finished))
    below = [state for state in takewhile(lambda state: state is not None, states) if state is not None]
    first, timed = len(below), {}
    for index in range(first, count):
        level = begin(index, below)
        if index in (first, count - 1):
            timed[index] = guards.seconds_of_step(level.update, own.penalty_every, device)
        below.append(level.finished())
    return timed


def grow(
    steps: Sequence[int],
    begin: Callable[[int, Sequence[State]], Level],
    *,
    workdir: Path,
    progress: Progress,
    label: str,
    max_drift: float,
    checkpoint_seconds: float = 60.0,
) -> list[State]:
    """Train every level that is not finished; return what is kept of all.

    Args:
        steps: of every level, coarsest first.
        begin: ``begin(index, below)`` makes a level from the finished ones below it.
        workdir: folder of the training; ``curves.tsv`` there joins the levels' own.
        progress: watches each level's loop.
        label: names the training in progress and errors.
        max_drift: colours farther than this from the clip's, in the second half of a level's steps and not on their way
            back, stop the training.
        checkpoint_seconds: see `onereel.training.loop.train`.

    Raises: MethodError if values are not finite or colours run away.
    """
    done: list[State] = []
    for index, count in enumerate(steps):
        folder = workdir / f"level_{index:02d}"
        name = f"{label}, level {index + 1} of {len(steps)}"
        if (kept := _load(folder / FINISHED, name)) is None:
            level = begin(index, done)
            guard = _DriftGuard(level, limit=max_drift, label=name, steps=count)
            loop.train(
                level,
                steps=count,
                workdir=folder,
                progress=progress,
                label=name,
                evaluate=guard,
                evaluations=_evaluations(count),
                checkpoint_seconds=checkpoint_seconds,
                remedy=_REMEDY,
            )
            kept = level.finished()
            tensorfiles.save(folder / FINISHED, kept)
            (folder / loop.CHECKPOINT).unlink(missing_ok=True)
            # What a resumed training reads, so that both go on from the same.
            kept = tensorfiles.load(folder / FINISHED)
        done.append(kept)
        write_text(workdir / loop.CURVES, joined_curves(workdir, index + 1))
    return done


def finished_levels(workdir: Path) -> int:
    """How many levels, from the coarsest on, are finished."""
    count = 0
    while (workdir / f"level_{count:02d}" / FINISHED).exists():
        count += 1
    return count


def joined_curves(workdir: Path, levels: int) -> str:
    """The curves of `levels` levels as one table: steps and seconds go on, and a column names the level."""
    rows: list[dict[str, float]] = []
    for index in range(levels):
        before = rows[-1] if rows else {}
        for row in read_curves(workdir / f"level_{index:02d}" / loop.CURVES):
            moved = {name: before.get(name, 0.0) + row.get(name, 0.0) for name in ("step", "seconds")}
            rows.append({**row, **moved, "level": index})
    return curves_text(rows, first=("step", "seconds", "level"))


class _DriftGuard:
    """Measures a level, and stops the training where its colours left the clip's and do not come back."""

    def __init__(self, level: Level, *, limit: float, label: str, steps: int) -> None:
        self._level, self._limit, self._label = level, limit, label
        self._settled, self._steps = max(_SETTLED_STEPS, steps / 2), steps

    def __call__(self, step: int, before: Mapping[str, float]) -> Mapping[str, float]:
        values = self._level.measure()
        drift = values.get(DRIFT, 0.0)
        if math.isnan(drift):
            raise MethodError(f"{self._label}, step {step}", "samples are not numbers", _REMEDY)
        # What is on its way back may go on, but not end there.
        returning = step < self._steps and drift < _RETURNING * before.get(DRIFT, math.inf)
        if step > self._settled and drift > self._limit and not returning:
            raise MethodError(
                f"{self._label}, step {step}",
                f"the colours of samples are {drift:.2f} away from the clip's (limit {self._limit:.2f}, range 2)",
                f"{_REMEDY}, or raise max_drift to go on as it is",
            )
        return values


def _evaluations(steps: int) -> int:
    return max(1, min(20, steps))


def _load(path: Path, label: str) -> State | None:
    if not path.exists():
        return None
    try:
        return tensorfiles.load(path, ours=True)
    except ValueError as error:
        log.warning("%s: '%s' %s: the level trains anew", label, path, error)
        return None


def device_state(state: State, device: torch.device, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with ``prefix.``, without it, on `device`."""
    start = len(prefix) + 1
    return {name[start:]: tensor.to(device) for name, tensor in state.items() if name.startswith(f"{prefix}.")}
