"""What a training will take, said before it starts: memory from the networks' shapes, time from steps of two levels."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from onereel.base.errors import MethodError
from onereel.base.memory import available_memory
from onereel.gan.settings import AdversarialConfig
from onereel.networks.conv3d import Conv3d
from onereel.training.execution import Precision
from onereel.video.pyramid import Size

_BYTES_PER_VALUE = 5
_BYTES_AT_REST = 600 * 2**20
_SMALLEST = 8  # pixels, each side of an output
_COPIES = 6  # of a sample in float32: itself, upsampled, noise, their sum, the residual, the result
_TRIAL, _TRIALS = 0.5, 5  # seconds for which a step is repeated to be timed, and how often at most
_LONG = 5.0  # seconds of a step that needs no second one

# The command line shows what is logged here, and little else.
log = logging.getLogger("onereel.estimates")


@dataclass(frozen=True)
class Cost:
    """What one forward pass costs.

    Attributes:
        operations: multiply-accumulates of convolutions.
        values: numbers that layers write, all of which a backward pass may need.
    """

    operations: int = 0
    values: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.operations + other.operations, self.values + other.values)


def forward_cost(build: Callable[[], nn.Module], shape: Sequence[int]) -> Cost:
    """Cost of a forward pass, counted without computing anything.

    Args:
        build: makes the network; it is made without memory ("meta" tensors).
        shape: of the input, with batch and channels.
    """
    counted = Cost()

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        operations = 0
        if isinstance(module, nn.Conv2d | Conv3d):
            operations = output.numel() * module.in_channels * module.kernel_size[-1] ** 2
            operations *= module.kernel_size[0] if isinstance(module, Conv3d) else 1
            if isinstance(module, Conv3d) and module.kernel_size[-1] == 1:
                operations = output.numel() * module.in_channels * module.kernel_size[0]
        counted = counted + Cost(operations, output.numel())

    with torch.device("meta"):
        network = build()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | Conv3d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.register_forward_hook(count)
        with torch.no_grad():
            network(torch.empty(*shape))
    return counted


def adversarial_work(own: AdversarialConfig, made: Cost, judged: Cost, below: int, *, penalty: float) -> float:
    """Operations of one step of a GAN level; a backward pass counts as two forward ones.

    Args:
        own: how many updates each side has in a step, and how often the penalty is taken.
        made: one forward pass of the generator.
        judged: one forward pass of every critic.
        below: operations of the levels below, run once for every update of the critics.
        penalty: cost of the gradient penalty in forward passes of the critics.
    """
    critics = own.critic_steps * ((6 + penalty / own.penalty_every) * judged.operations + 2 * made.operations + below)
    return critics + own.generator_steps * (6 * made.operations + 2 * judged.operations)


def check_memory(needed: float, device: torch.device, label: str) -> None:
    """Raise MethodError if a training needs more than the device has in all.

    Args:
        needed: bytes.
        device: where it is to run.
        label: names the training.
    """
    present = available_memory(device)
    if needed > present:
        raise MethodError(
            label,
            f"needs about {needed / 2**30:.1f} GiB, {device} has {present / 2**30:.1f}",
            "lower the clip's height, window, or channels",
        )


def check_output(label: str, size: Size, channels: int, frames_at_once: int, device: torch.device) -> None:
    """Raise MethodError if a sample would be tiny, or needs more memory than there is.

    Args:
        label: names the method in errors.
        size: (T, H, W) of the sample.
        channels: of the widest layer.
        frames_at_once: that the network sees.
        device: where it runs.
    """
    frames, height, width = size
    if min(height, width) < _SMALLEST:
        raise MethodError(
            f"{label}, output of {height}x{width} (height, width)",
            f"is smaller than {_SMALLEST} pixels",
            "raise output_scale or the clip's height",
        )
    needed = _COPIES * 4 * 3 * frames * height * width + 2 * 4 * channels * frames_at_once * height * width
    present = available_memory(device)
    if needed > present:
        raise MethodError(
            f"{label}, output of {frames}x{height}x{width} (frames, height, width)",
            f"needs about {needed / 2**30:.3g} GiB, {device} has {present / 2**30:.1f}",
            "ask for fewer frames or a smaller output_scale",
        )


def peak_memory(values: float, precision: str, device: torch.device) -> float:
    """Bytes of a training whose largest step keeps so many of layers' numbers; an upper estimate.

    Measured at 13x51x91: 4.7 (``fast``) and 3.4 (``paper``) bytes for a number in bfloat16, over 0.52 GiB of Python and
    PyTorch.
    """
    double = Precision(precision, device).dtype == torch.float32
    return values * _BYTES_PER_VALUE * (2 if double else 1) + _BYTES_AT_REST


def announce(label: str, sizes: Sequence[tuple[int, ...]], needed: float, seconds: float, finished: int = 0) -> None:
    """Log memory and time of a training.

    Args:
        label: names the training.
        sizes: of the levels.
        needed: bytes at the largest level.
        seconds: of the levels that are to be trained.
        finished: levels that are trained already.
    """
    shown = " to ".join("x".join(map(str, size)) for size in (sizes[0], sizes[-1]))
    levels = f"{len(sizes)} levels" + (f", {finished} of them trained" if finished else "")
    log.info("%s: %s, %s, about %.1f GiB, about %s", label, levels, shown, needed / 2**30, duration(seconds))


def seconds_of_step(update: Callable[[int], object], penalty_every: int, device: torch.device) -> float:
    """How long a step of a level takes on average, steps with and without the gradient penalty taken together.

    Args:
        update: takes the step of a number.
        penalty_every: every so many steps, from step 0 on, there is a penalty.
        device: where it computes.
    """
    first = _seconds(update, 0, device)
    if first > _LONG:  # warming up is nothing beside that
        return first
    with_penalty = _repeated(update, 0, device)
    without = _repeated(update, 1, device) if penalty_every > 1 else 0.0
    return (with_penalty + (penalty_every - 1) * without) / penalty_every


def seconds_of_levels(timed: Mapping[int, float], steps: Sequence[int], operations: Sequence[float]) -> list[float]:
    """Seconds of every level from those of a step of some.

    Work alone says too much: small levels take as long as their calls do, however little there is to compute. Time and
    work of the levels that were timed lie on a line, and the others between.

    Args:
        timed: seconds of a step of the first level and of the last one that are to be trained, by number.
        steps: of every level.
        operations: work of every level, all its steps, in any unit.
    """
    work = [whole / count for whole, count in zip(operations, steps, strict=True)]
    known = sorted((work[level], seconds) for level, seconds in timed.items())
    (least, fast), (most, slow) = known[0], known[-1]
    slope = (slow - fast) / (most - least) if most > least else 0.0
    return [count * max(fast + slope * (each - least), 0.0) for count, each in zip(steps, work, strict=True)]


def _repeated(update: Callable[[int], object], step: int, device: torch.device) -> float:
    taken: list[float] = []
    while sum(taken) < _TRIAL and len(taken) < _TRIALS:
        taken.append(_seconds(update, step, device))
    return sum(taken) / len(taken)


def _seconds(update: Callable[[int], object], step: int, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    update(step)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    for unit, length, limit in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < limit:
            return f"{seconds / length:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86_400:.1f} days"
