"""How long each stand-in that reads trains, from a part of its worlds and some of its steps.

    python benchmarks/stand_ins.py                              # all, on the threads that PyTorch takes
    python benchmarks/stand_ins.py clip-world --threads 2 --share 0.1 --steps 100

Minutes are extrapolated: rendering by the share of the worlds that was rendered, training by its steps. Wall time, so
run it on an idle machine.
"""

import argparse
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from unittest.mock import patch

import numba
import torch

from onereel.base.progress import Progress, no_progress
from onereel.scenes.world import WorldSpec
from onereel.standins import c3d, depth, find, flow, inception
from onereel.standins import text_image as clip
from onereel.standins.worlds import Rendering, Worlds, render_worlds
from onereel.training.trainer import Trainer

WARM_UP = 5  # steps that are not counted
READERS = {"clip-world": clip, "dpt-world": depth, "c3d-world": c3d, "inception-world": inception, "raft-world": flow}
"""The modules of those that read; those that make pictures are timed by `benchmarks/backbones.py`."""


def fewer(share: float) -> ExitStack:
    """Render only a share of any set of worlds, while the returned stack is open."""

    def rendered(specs: Sequence[WorldSpec], how: Rendering, progress: Progress = no_progress) -> Worlds:
        return render_worlds(specs[: math.ceil(share * len(specs))], how, progress)

    changes = ExitStack()
    for module in READERS.values():
        changes.enter_context(patch.object(module, "render_worlds", rendered))
    return changes


def minutes(name: str, steps: int, share: float) -> tuple[float, float]:
    """Of rendering and of training."""
    stand_in = find(name)
    with fewer(share):
        started = time.perf_counter()
        data = stand_in.data(no_progress, {})
        rendering = (time.perf_counter() - started) / share
    trainee = Trainer(
        stand_in.network(),
        lambda network, generator, step: stand_in.loss(network, data, generator, step / stand_in.steps),
        stand_in.training,
        steps=stand_in.steps,
        device=torch.device("cpu"),
        seed=0,
    )
    for step in range(WARM_UP):
        trainee.update(step)
    started = time.perf_counter()
    for step in range(WARM_UP, WARM_UP + steps):
        trainee.update(step)
    training = (time.perf_counter() - started) / steps * stand_in.steps
    return rendering / 60, training / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(READERS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--share", type=float, default=0.05, help="of the worlds that are rendered")
    parser.add_argument("--steps", type=int, default=60)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    numba.set_num_threads(settings.threads)
    names = settings.names or list(READERS)
    minutes(names[0], 1, 0.01)  # compiles
    print(f"{settings.threads} threads; minutes of rendering, training, both")
    for name in names:
        rendering, training = minutes(name, settings.steps, settings.share)
        print(f"{name:16} {rendering:6.1f} {training:6.1f} {rendering + training:6.1f}")


if __name__ == "__main__":
    main()
