"""Films for the documentation, on this project's own scenes: docs/pictures/METHOD-TASK.webp, input and output in step.

Example::

    python benchmarks/docs_pictures.py docs/pictures --models MODELS --methods vgpnn
"""

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

import onereel
from onereel.base.files import atomic_path
from onereel.video.clip import Clip, Frames

GAP = 6
SMALL = "frames=12&height=48&width=84"
"""For methods that train; `fast` at 64 px and more takes what docs/results.md says."""
TINY = "frames=12&height=40&width=72"
LARGE = "frames=16&height=72&width=128"
BOX = "frame\ttop\tleft\tbottom\tright\tcolour\n*\t6\t38\t30\t60\t{colour}\n"
COPY = "frame\ttop\tleft\tbottom\tright\tto_top\tto_left\n*\t10\t12\t26\t28\t8\t52\n"
Film = tuple[str, list[Clip]]


def scene(name: str, size: str, seed: int = 1) -> Clip:
    return onereel.load(f"scene:{name}?seed={seed}&{size}")


def of_vgpnn(models: Path, folder: Path) -> Iterator[Film]:
    """Every task with the `fast` preset, seconds each."""
    balloons, birds, water = (scene(name, LARGE) for name in ("balloons", "birds", "water"))
    drawing = scene("sketch", LARGE, seed=2)
    yield "generate", [balloons, *onereel.generate(balloons, "vgpnn", samples=2)]
    for name, scale in (("wider", (1, 1, 1.5)), ("taller", (1, 1.5, 1))):
        yield name, [balloons, *onereel.generate(balloons, "vgpnn", task="retarget", output_scale=scale)]
    for name, scale in (("shorter", (0.5, 1, 1)), ("longer", (2, 1, 1))):
        yield name, [birds, *onereel.generate(birds, "vgpnn", task="retarget", output_scale=scale)]
    filled = []
    for colour in ("#c03020", "#90c0f0"):
        boxes = folder / f"boxes{colour[1:]}.tsv"
        boxes.write_text(BOX.format(colour=colour))
        filled += onereel.generate(balloons, "vgpnn", task="inpaint", inputs={"boxes": boxes})
    hole = balloons.frames.copy()
    hole[:, 6:30, 38:60] = 255
    yield "inpaint", [Clip(hole, balloons.fps), *filled]
    styled = onereel.generate(water, "vgpnn", task="analogy", inputs={"style": balloons})
    yield "analogy", [water, balloons, *styled]
    drawn = onereel.generate(water, "vgpnn", task="sketch", inputs={"sketch": drawing})
    yield "sketch", [drawing, water, *drawn]


def of_gpnn(models: Path, folder: Path) -> Iterator[Film]:
    """One sample by exhaustive search."""
    balloons = scene("balloons", SMALL)
    yield "generate", [balloons, *onereel.generate(balloons, "gpnn", preset="demo", samples=2)]


def of_sinfusion(models: Path, folder: Path) -> Iterator[Film]:
    """What a third of the steps of `fast` learns of a tiny clip, all from two models."""
    birds = scene("birds", TINY)
    asked = {"method": "sinfusion", "models": models, "predictor.steps": 2000, "projector.steps": 1500}
    yield "extrapolate", [birds, *onereel.generate(birds, task="extrapolate", extrapolate_frames=12, **asked)]
    yield "generate", [birds, *onereel.generate(birds, frames=36, **asked)]


def of_singan_gif(models: Path, folder: Path) -> Iterator[Film]:
    """What `fast` learns of a small clip; one pyramid serves all of these but slow motion."""
    balloons = scene("balloons", SMALL)
    asked = {"method": "singan_gif", "models": models}
    yield "generate", [balloons, *onereel.generate(balloons, samples=2, **asked)]
    yield "wider", [balloons, *onereel.generate(balloons, output_scale=(1, 1, 1.5), **asked)]
    yield "lengthen", [balloons, *onereel.generate(balloons, task="lengthen", lengthen_frames=36, **asked)]
    copies = folder / "copies.tsv"
    copies.write_text(COPY)
    yield "compose", [balloons, *onereel.generate(balloons, task="compose", inputs={"copies": copies}, **asked)]
    picture = Clip(balloons.frames[:1], balloons.fps)
    moved = onereel.generate(balloons, task="motion_transfer", inputs={"picture": picture}, **asked)
    yield "motion_transfer", [picture, *moved]
    yield "slow_motion", [_slowed(balloons, 2), *onereel.generate(balloons, task="slow_motion", **asked)]


def of_singan(models: Path, folder: Path) -> Iterator[Film]:
    """Frames that know nothing of each other."""
    balloons = scene("balloons", SMALL)
    yield "generate", [balloons, *onereel.generate(balloons, "singan", samples=2, models=models)]


def of_hp_vae_gan(models: Path, folder: Path) -> Iterator[Film]:
    """`fast`, on 13 frames."""
    balloons = scene("balloons", SMALL.replace("=12", "=13"))
    yield "generate", [balloons, *onereel.generate(balloons, "hp_vae_gan", samples=2, models=models)]


def _slowed(clip: Clip, factor: int) -> Clip:
    """Every frame as often as slow motion is slower: what it must not look like."""
    return Clip(np.repeat(clip.frames, factor, 0), clip.fps)


def side_by_side(clips: list[Clip]) -> Frames:
    """All clips in step, each looping, on white; (T, H, W, 3) uint8."""
    length = max(len(clip.frames) for clip in clips)
    height = max(clip.size[1] for clip in clips)
    panels = []
    for clip in clips:
        looped = clip.frames[np.arange(length) % len(clip.frames)]
        panels.append(np.pad(looped, ((0, 0), (0, height - clip.size[1]), (0, GAP), (0, 0)), constant_values=255))
    return np.concatenate(panels, axis=2)[:, :, :-GAP]


def save(path: Path, frames: Frames, fps: Fraction, enlarge: int = 2) -> None:
    """An animated WebP."""
    size = (frames.shape[2] * enlarge, frames.shape[1] * enlarge)
    first, *others = [Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC) for frame in frames]
    with atomic_path(path) as temporary:
        first.save(
            temporary, format="WEBP", save_all=True, append_images=others, loop=0, quality=70, method=4,
            duration=round(1000 / float(fps)),
        )  # fmt: skip


METHODS = {
    "vgpnn": of_vgpnn,
    "gpnn": of_gpnn,
    "sinfusion": of_sinfusion,
    "singan_gif": of_singan_gif,
    "singan": of_singan,
    "hp_vae_gan": of_hp_vae_gan,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, required=True, help="trained models, used again where they are there")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for method in asked.methods:
            for name, clips in METHODS[method](asked.models, Path(temporary)):
                save(asked.folder / f"{method}-{name}.webp", side_by_side(clips), clips[0].fps)
                print(f"{method}-{name}.webp", flush=True)


if __name__ == "__main__":
    main()
