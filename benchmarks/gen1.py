"""How long an edit of Gen-1 takes, and what one batched pass of Eq. 8's predictions saves.

    python benchmarks/gen1.py                       # 16 frames of 64x64, shipped weights, or random ones of their size
    python benchmarks/gen1.py --steps 25 --threads 2 --temporal 1.5

Seconds of wall time after loading, best of several: run it on an idle machine. CPU seconds are those of all threads.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from onereel.backbones.latent import IMAGE_UNET, new_autoencoder, plain_attention
from onereel.backbones.video_unet import new_video_unet
from onereel.base.errors import WeightsError
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.edit import Source, edited
from onereel.methods.gen1.model import Gen1Model, Guidance, input_channels
from onereel.video.clip import Clip
from onereel.weights.store import Weights

FRAMES, SIDE, DIMENSION = 16, 64, 256
REPEATS = 3


def model_of() -> tuple[Gen1Model, str]:
    """The shipped model; where there is none, a random one of its size, which takes as long."""
    try:
        weights = Weights()
        model = Gen1Model.load(weights.resolve("gen1-world"), "structure", weights.resolve("latent-world"))
        name = "gen1-world"
    except WeightsError:
        network = new_video_unet(IMAGE_UNET, in_channels=input_channels(), frames=FRAMES).requires_grad_(False)
        model, name = Gen1Model(network, new_autoencoder(1.0).requires_grad_(False)), "random weights"
    plain_attention(model.unet)
    return model, name


def best(work: Callable[[], object]) -> tuple[float, float]:
    """Least wall seconds, least CPU seconds."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--temporal", type=float, default=1.5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, name = model_of()
    config = Gen1Config(num_inference_steps=options.steps, temporal_scale=options.temporal)
    clip = Clip(np.random.default_rng(0).integers(0, 256, (FRAMES, SIDE, SIDE, 3), np.uint8))
    signal = torch.rand(FRAMES, SIDE, SIDE)
    content, nothing = torch.randn(1, DIMENSION), torch.zeros(1, DIMENSION)

    def edit() -> object:
        source = Source(clip, clip.size, model.read_structure(signal, 0))
        return edited(model, source, content, nothing, config, 0)

    wall, cpu = best(edit)
    print(
        f"{name}, {options.threads} threads: {options.steps} steps, omega_t {options.temporal:g}: {wall:.1f} s", end=""
    )
    print(f" ({cpu:.1f} s of CPU)")

    noisy, structure = torch.randn(1, 4, FRAMES, SIDE // 4, SIDE // 4), model.read_structure(signal, 0)
    whole = model.guided(content, nothing, structure, Guidance(3, options.temporal))
    # Weights that leave one prediction each: the image model, the video model without content, and with it.
    single = [model.guided(content, nothing, structure, Guidance(*each)) for each in ((0, 0), (0, 1), (1, 1))]
    with torch.no_grad():
        together = best(lambda: whole(noisy, 500))
        apart = best(lambda: [one(noisy, 500) for one in single])
    print(
        f"three predictions: {together[0]:.3f} s in one pass, {apart[0]:.3f} s in three: x{apart[0] / together[0]:.2f}",
        end="",
    )
    print(f" (CPU: x{apart[1] / together[1]:.2f})")


if __name__ == "__main__":
    main()
