"""The GANs: seconds a training step, and what the applications of SinGAN-GIF are to achieve.

    python benchmarks/gan.py steps                      # HP-VAE-GAN's levels at 13x144x256, SinGAN-GIF's at 13x64x114
    python benchmarks/gan.py steps --levels 3 4 5 --count 3 --wall
    python benchmarks/gan.py losses CLIP.mkv --steps 300 --seeds 5
    python benchmarks/gan.py seam CLIP.mkv COPIES.tsv COMPOSED.mkv --side 41
    python benchmarks/gan.py motion SOURCE.mkv MOVED.mkv

`steps` compares our training step with the same one as PyTorch runs it by default: channels first, float32, the
gradient penalty by double backward. It prints CPU seconds, which other programs on the machine disturb less than wall
time, and beside HP-VAE-GAN's levels the seconds of its authors' code on two cores of another machine (wall time: only
ratios within one run compare). `losses` trains the coarsest levels both ways and prints where their losses end, mean
and deviation over seeds.
"""

import argparse
import logging
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from onereel.base.devices import resolve_device
from onereel.gan import level as gan_level
from onereel.gan import networks
from onereel.gan.networks import Critic
from onereel.methods import configure, load_method
from onereel.methods.hp_vae_gan import fit as hp_fit
from onereel.methods.hp_vae_gan import networks as hp_networks
from onereel.methods.hp_vae_gan.config import HPVAEGANConfig
from onereel.methods.singan import cascade
from onereel.methods.singan import fit as pyramid
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.copies import pasted
from onereel.methods.singan.effects import of_transfer, seam_gradient
from onereel.methods.singan.fit import PyramidLevel
from onereel.methods.singan.parts import PyramidPart
from onereel.video import clip as clips
from onereel.video.clip import to_frames, to_video
from onereel.video.pyramid import resize

AUTHORS = {0: 0.22, 1: 0.37, 2: 0.69, 3: 3.5, 4: 6.4, 5: 11.9, 6: 10.9, 7: 18.6, 8: 23.9}
"""Seconds an iteration of HP-VAE-GAN's authors' code by level, 13 frames of 144x256 (two cores, float32)."""


def plain() -> ExitStack:
    """Undo what makes our steps fast, while the returned stack is open."""
    changes = ExitStack()
    changes.enter_context(patch.object(Critic, "input_gradient", Critic._gradient_by_autograd))
    for module in (networks, cascade, pyramid, hp_networks, hp_fit):
        changes.enter_context(patch.object(module, "channels_last", lambda values: values))
    for module in (cascade, gan_level, hp_networks):
        changes.enter_context(patch.object(module, "laid_out", lambda network, device: network.to(device)))
    return changes


def timed(level, count: int, device: torch.device, wall: bool) -> float:
    """Median seconds of `count` steps after one: by the wall (on CUDA always), or of the processor."""
    clock = time.perf_counter if wall or device.type == "cuda" else time.process_time
    seconds = []
    for step in range(count + 1):
        start = clock()
        level.update(step)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(clock() - start)
    return statistics.median(seconds[1:])


def hp_level(level: int, precision: str, compiled: bool, device: torch.device):
    """A level of HP-VAE-GAN at its published size, on levels below that were never trained."""
    config = HPVAEGANConfig()
    own = config.adversarial.model_copy(update={"precision": precision, "compile": compiled})
    config = config.model_copy(update={"adversarial": own})
    sizes = config.sizes((13, 144, 256), 13)
    video = torch.rand(3, 13, 144, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return _climbed(config, video, sizes, level, 0, device), sizes[level]


def pyramid_level(config: PyramidConfig, level: int, precision: str, compiled: bool, device: torch.device):
    """A level of SinGAN-GIF for 13 frames of 64x114, on levels below that were never trained."""
    own = config.adversarial.model_copy(update={"precision": precision, "compile": compiled})
    config = config.model_copy(update={"adversarial": own})
    sides = config.ladder.sizes(64, 114)
    video = torch.rand(3, 13, 64, 114, generator=torch.Generator().manual_seed(0)) * 2 - 1
    below: list[dict[str, Tensor]] = []
    while True:
        small = resize(video, (13, *sides[len(below)]))
        built = PyramidLevel(config, PyramidPart(), small, len(sides), below, seed=0, device=device)
        if len(below) == level:
            return built, (built.window, *built.side)
        below.append(built.finished())


def steps(device: torch.device, count: int, levels: list[int], skip_plain: bool, wall: bool) -> None:
    """Print seconds a step of both methods, ours and as PyTorch runs it by default, and their ratio."""
    presets = {name: configure(load_method("singan_gif"), name) for name in ("paper", "fast")}
    builders = {f"singan_gif {name}": (lambda *a, c=config: pyramid_level(c, *a)) for name, config in presets.items()}
    builders = {"hp_vae_gan": hp_level, **builders}
    for name, build in builders.items():
        for level in levels:
            if name != "hp_vae_gan" and level >= len(presets["paper"].ladder.sizes(64, 114)):
                continue
            slow = None
            if not skip_plain:
                with plain():
                    slow = timed(build(level, "float32", False, device)[0], count, device, wall)
            for compiled in (False, True) if device.type == "cuda" else (False,):
                built, size = build(level, "auto", compiled, device)
                own = timed(built, count, device, wall)
                ratio = f", default float32 {slow:.3f} s, x{slow / own:.1f}" if slow else ""
                theirs = f", authors (other machine, wall) {AUTHORS[level]} s" if name == "hp_vae_gan" else ""
                title = f"{name} level {level} {'x'.join(map(str, size))}{' compiled' if compiled else ''}"
                print(f"{title}: {own:.3f} s{ratio}{theirs if level in AUTHORS else ''}", flush=True)


def losses(path: Path, count: int, seeds: int, device: torch.device) -> None:
    """Train levels of `fast` our way and PyTorch's, and print their losses over the last quarter of the steps.

    Levels: the coarsest of SinGAN-GIF; of HP-VAE-GAN the coarsest and the first with a critic, on levels never trained.
    """
    video = to_video(clips.read(path).frames)
    for name, level in (("singan_gif", 0), ("hp_vae_gan", 0), ("hp_vae_gan", 3)):
        ended: dict[bool, list[dict[str, float]]] = {False: [], True: []}
        for seed in range(seeds):
            for default in ended:
                with plain() if default else ExitStack():
                    built = _small_level(name, video, level, "float32" if default else "auto", seed, device)
                    steps = [built.update(step) for step in range(count)][-(count // 4) :]
                names = steps[0].keys() - {"learning_rate"}
                ended[default].append({key: statistics.fmean(float(step[key]) for step in steps) for key in names})
        print(f"{name} level {level}, {count} steps, mean and deviation of {seeds} seeds:")
        for key in sorted(ended[False][0]):
            ours, default = ([run[key] for run in ended[kind]] for kind in (False, True))
            print(f"  {key:16} ours {_spread(ours)}, default float32 {_spread(default)}", flush=True)


def _small_level(name: str, video: Tensor, level: int, precision: str, seed: int, device: torch.device):
    """A level of `fast` for this video, on levels below that were never trained."""
    config = configure(load_method(name), "fast")
    own = config.adversarial.model_copy(update={"precision": precision})
    config = config.model_copy(update={"adversarial": own})
    if name == "singan_gif":
        side = config.ladder.sizes(*video.shape[2:])[level]
        return PyramidLevel(
            config, PyramidPart(), resize(video, (video.shape[1], *side)), 1, [], seed=seed, device=device
        )
    sizes = config.sizes(tuple(video.shape[1:]), video.shape[1])
    return _climbed(config, video, sizes, level, seed, device)


def _climbed(config: HPVAEGANConfig, video: Tensor, sizes, level: int, seed: int, device: torch.device):
    """A level of HP-VAE-GAN on levels that were never trained."""
    below: list[dict[str, Tensor]] = []
    while True:
        kind = hp_fit.AutoencoderLevel if len(below) < config.vae_levels else hp_fit.AdversarialLevel
        built = kind(config, video, sizes, below, seed=seed, device=device)
        if len(below) == level:
            return built
        below.append(built.finished())


def _spread(values: list[float]) -> str:
    return f"{statistics.fmean(values):.4g} ± {statistics.stdev(values) if len(values) > 1 else 0:.2g}"


def seam(source: Path, copies: Path, composed: Path, side: int) -> None:
    """Print how much the borders of what was copied show: as pasted, only scaled down and up, and composed."""
    edited, where = pasted(clips.read(source), copies)
    count, height, width = edited.size
    small = (count, side, round(side * width / height))
    scaled = to_frames(resize(resize(to_video(edited.frames), small), edited.size))
    made = clips.read(composed).frames
    if made.shape != edited.frames.shape:
        made = to_frames(resize(to_video(made), edited.size))
    for name, frames in (("pasted", edited.frames), ("scaled", scaled), ("composed", made)):
        print(f"{name:9} seam {seam_gradient(frames, where):.2f} of the gradient elsewhere")


def motion(source: Path, moved: Path) -> None:
    """Print how well the motion of a transfer lies where the source moves."""
    for name, value in of_transfer(clips.read(source), clips.read(moved)).items():
        print(f"{name} {value:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("steps")
    timing.add_argument("--count", type=int, default=3)
    timing.add_argument("--levels", type=int, nargs="+", default=list(range(6)))
    timing.add_argument("--skip-plain", action="store_true")
    timing.add_argument("--wall", action="store_true", help="wall time instead of CPU seconds (on an idle machine)")
    ends = commands.add_parser("losses")
    ends.add_argument("clip", type=Path)
    ends.add_argument("--steps", type=int, default=300)
    ends.add_argument("--seeds", type=int, default=5)
    seams = commands.add_parser("seam")
    seams.add_argument("files", type=Path, nargs=3, metavar="FILE")
    seams.add_argument("--side", type=int, required=True, help="shorter side of the level that the edit replaces")
    moving = commands.add_parser("motion")
    moving.add_argument("clips", type=Path, nargs=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    device = resolve_device(arguments.device)
    match arguments.command:
        case "steps":
            steps(device, arguments.count, arguments.levels, arguments.skip_plain, arguments.wall)
        case "losses":
            losses(arguments.clip, arguments.steps, arguments.seeds, device)
        case "seam":
            seam(*arguments.files, arguments.side)
        case _:
            motion(*arguments.clips)


if __name__ == "__main__":
    main()
