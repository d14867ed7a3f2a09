"""The training loop of every method: steps, progress, curves, checkpoints; a kill costs a minute, not a training.

Whoever is asked to stop first (SIGTERM, Ctrl-C) ends after the step in progress with a checkpoint, and loses nothing.
What a step does is the trainee's business. The loop calls it with the number of the step, from which all randomness
must follow (`generator_of`): a training that was killed and resumed then ends in the same weights as an undisturbed
one, on the CPU to the last bit.
"""

import logging
import math
import signal
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from onereel.base.errors import MethodError, StoppedError
from onereel.base.files import atomic_path, write_text
from onereel.base.progress import Progress
from onereel.base.stopping import signals_held
from onereel.base.tensorfiles import first_line
from onereel.training import processes
from onereel.training.curves import curves_text

CHECKPOINT = "checkpoint.pt"
CURVES = "curves.tsv"
_ROWS = 400  # points that a curve needs
_LOG_SECONDS = 30.0
log = logging.getLogger(__name__)


class Trainee(Protocol):
    """Whatever is trained: networks, optimisers, averages."""

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """Take step `step`, counted from 0; return what the curves show, averaged between their points."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that `update` changes; tensors, numbers and containers of them."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        ...


def generator_of(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """The CPU generator of one step: a function of seed, step and stream alone, so that no state must be kept.

    Args:
        seed: >= 0, of the training.
        step: >= 0.
        stream: tells generators of one step apart.
    """
    # A product with odd constants spreads neighbours over the 64-bit seeds; mt19937 is seeded from 32 of them each way.
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + stream * 0x8CB92BA72F3D8DD7 + 1) % 2**63
    return torch.Generator().manual_seed(mixed)


def train(
    trainee: Trainee,
    *,
    steps: int,
    workdir: Path,
    progress: Progress,
    label: str,
    evaluate: Callable[[int, Mapping[str, float]], Mapping[str, float]] | None = None,
    evaluations: int = 20,
    checkpoint_seconds: float = 60.0,
    remedy: str = "lower the learning rate, or use precision=float32",
) -> None:
    """Train, from the checkpoint in `workdir` where there is one.

    Of several processes (`onereel.training.processes`), which see the same folder, all read and the first one writes.

    Args:
        trainee: what is trained; at the end it holds the result.
        steps: how many steps in all.
        workdir: ``checkpoint.pt`` and ``curves.tsv`` go here. The curves' columns: step, seconds of training so far,
            what `update` returned, what `evaluate` returned.
        progress: watches the loop.
        label: names the training in progress and errors.
        evaluate: measures the trainee, given how many steps are done and what it returned the time before (nothing at
            first); its time does not count as training.
        evaluations: about how many times.
        checkpoint_seconds: so long between checkpoints, or a step where that takes longer.
        remedy: of values that are not finite, in the trainee's words for its settings.

    Raises: MethodError if a value of the curves is not finite; the checkpoint then is from before. StoppedError after
        a signal to stop; the checkpoint then is of the last step.
    """
    curves = Curves()
    start = _resume(workdir / CHECKPOINT, trainee, curves, label, steps)
    every = max(1, steps // _ROWS)
    measure_every = max(1, steps // evaluations)
    clock = _Clock(curves.seconds)
    first = processes.rank() == 0
    saved = logged = time.monotonic()
    bar = progress(range(start, steps), total=steps, label=label, initial=start, status=curves.status)
    with signals_held() as stop:
        for step in bar:
            curves.add(trainee.update(step))
            done = step + 1
            measured = evaluate is not None and (done % measure_every == 0 or done == steps)
            stopped, due = _agreed(stop(), done == steps or (first and time.monotonic() - saved >= checkpoint_seconds))
            if not (done % every == 0 or measured or due):
                continue
            values: Mapping[str, float] = {}
            if measured and evaluate is not None:
                values = clock.outside(partial(evaluate, done, curves.measured))
            curves.close(done, clock.seconds, values, label, remedy)
            now = time.monotonic()
            if due and first:
                _save(workdir / CHECKPOINT, trainee, curves, done)
                curves.write(workdir / CURVES)
                saved = time.monotonic()
            if stopped is not None:
                raise StoppedError(f"{label}, step {done} of {steps}", stopped)
            if first and (now - logged >= _LOG_SECONDS or done == steps):
                left = (steps - done) * (clock.seconds / done)
                log.info("%s: step %d of %d, %s, about %s left", label, done, steps, curves.status(), _duration(left))
                logged = now
    if first:
        curves.write(workdir / CURVES)


@dataclass
class Curves:
    """Training curves: rows of numbers by name, each the mean since the row before.

    Attributes:
        rows: one mapping per point: ``step``, ``seconds`` and what the training reports.
        measured: the last evaluation.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    measured: Mapping[str, float] = field(default_factory=dict)
    _sums: dict[str, float | Tensor] = field(default_factory=dict)
    _count: int = 0

    @property
    def seconds(self) -> float:
        """Seconds of training up to the last row."""
        return self.rows[-1]["seconds"] if self.rows else 0.0

    def add(self, values: Mapping[str, float | Tensor]) -> None:
        """Add one step. Tensors are summed where they lie, so that CUDA need not wait."""
        for name, value in values.items():
            value = value.detach() if isinstance(value, Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def close(self, step: int, seconds: float, further: Mapping[str, float], label: str, remedy: str) -> None:
        """End a row after `step` steps.

        Raises: MethodError, with this remedy, if a mean is not finite.
        """
        means = {name: float(total) / self._count for name, total in self._sums.items()}
        for name, value in means.items():
            if not math.isfinite(value):
                raise MethodError(f"{label}, step {step}", f"{name} is {value}", remedy)
        self.rows.append({"step": step, "seconds": round(seconds, 2), **means, **further})
        self.measured = dict(further) or self.measured
        self._sums, self._count = {}, 0

    def status(self) -> str:
        """The last row in a few words."""
        row = self.rows[-1] if self.rows else {}
        return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("step", "seconds"))

    def write(self, path: Path) -> None:
        """Write the rows as tab-separated values; cells of values that a row has not are empty."""
        write_text(path, curves_text(self.rows))


class _Clock:
    """Seconds of training, without pauses; attempts add up."""

    def __init__(self, before: float) -> None:
        self._since = time.monotonic() - before

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    def outside(self, work: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        start = time.monotonic()
        result = work()
        self._since += time.monotonic() - start
        return result


def _agreed(stopped: signal.Signals | None, due: bool) -> tuple[signal.Signals | None, bool]:
    """Whether any process was asked to stop, and whether a checkpoint is due: all leave after the same step."""
    number, saving = processes.agreed([stopped or 0, due])
    return (signal.Signals(number) if number else None), bool(number or saving)


def _save(path: Path, trainee: Trainee, curves: Curves, step: int) -> None:
    with atomic_path(path) as temporary:
        kept = {"step": step, "rows": curves.rows, "measured": curves.measured, "trainee": trainee.state_dict()}
        torch.save(kept, temporary)


def _resume(path: Path, trainee: Trainee, curves: Curves, label: str, steps: int) -> int:
    """Load a checkpoint; return how many steps it has behind it.

    Raises: MethodError if it is whole and still not one of this training.
    """
    if not path.exists():
        return 0
    try:
        content = _load(path)
    except Exception as error:  # torch raises many kinds for a damaged file; none is worth more than a fresh start
        log.warning("%s: '%s' is not readable (%s): training starts anew", label, path, error)
        return 0
    try:
        done = _checked(content, steps)
        trainee.load_state_dict(content["trainee"])
    except (LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        problem = f"is no checkpoint of this training ({first_line(error)})"
        raise MethodError(f"{label}, '{path}'", problem, "delete it to train from the start") from error
    curves.rows, curves.measured = content["rows"], content["measured"]
    log.info("%s: resumed at step %d", label, done)
    return done


def _load(path: Path) -> dict[str, Any]:
    # torch reads a file with wrong bits without a word; the archive that it is knows the checksums of its parts.
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"'{damaged}' is damaged")
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def _checked(content: Mapping[str, Any], steps: int) -> int:
    """How many steps a checkpoint has behind it, if its curves and its number can be gone on with."""
    for row in [*content["rows"], {"step": 0, "seconds": 0, **content["measured"]}]:
        float(row["step"]), float(row["seconds"]), [float(value) for value in row.values()]
    if not 0 < int(content["step"]) <= steps:
        raise ValueError(f"step {content['step']} of {steps}")
    return int(content["step"])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min" if minutes >= 10 else f"{minutes} min {rest} s" if minutes else f"{rest} s"
