"""Pictures of every VGPNN task, and of what fails, on this project's own scenes: vgpnn_tasks.png, vgpnn_failures.png.

Example::

    python benchmarks/vgpnn_gallery.py docs
"""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from onereel import scenes
from onereel.base.files import atomic_path
from onereel.base.progress import terminal_progress
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.video.clip import Clip, Frames

COLUMNS = 4
GAP = 6
TITLE = 18
SIZE = {"frames": 16, "height": 108, "width": 192}
Row = tuple[str, Frames]


def scene(name: str, **options: int) -> Clip:
    rendered = scenes.render(name, **{**SIZE, "seed": 1, **options})
    return Clip(rendered.frames, rendered.fps)


def sample(
    task: Task, clip: Clip, settings: dict[str, object] | None = None, seed: int = 0, **inputs: object
) -> Frames:
    """One sample with the `fast` preset."""
    method = load_method("vgpnn")
    job = Job(torch.device("cpu"), progress=terminal_progress)
    return method.sample(task, Inputs(clip, **inputs), configure(method, "fast", settings or {}), seed, job)


def tasks(folder: Path) -> list[Row]:
    balloons, birds, water = scene("balloons"), scene("birds"), scene("water")
    sketch = scene("sketch", seed=2)
    rows = [("balloons, the input", balloons.frames), ("generate, seed 0", sample(Task.GENERATE, balloons))]
    for scale in ([1, 1, 0.6], [1, 1.5, 1], [1, 1, 1.5]):
        frames = sample(Task.RETARGET, balloons, {"output_scale": scale})
        rows.append((f"retarget, output_scale = {scale}", frames))
    rows.append(("birds, the input", birds.frames))
    rows += [
        (f"retarget, output_scale = [{scale}, 1, 1]", sample(Task.RETARGET, birds, {"output_scale": [scale, 1, 1]}))
        for scale in (0.5, 2)
    ]
    for colour in ("#c03020", "#90c0f0"):
        boxes = folder / f"boxes{colour[1:]}.tsv"
        boxes.write_text(f"frame\ttop\tleft\tbottom\tright\tcolour\n*\t9\t57\t45\t91\t{colour}\n")
        frames = sample(Task.INPAINT, balloons, files={"boxes": boxes})
        rows.append((f"inpaint, a box in the sky, cue {colour}", frames))
    rows.append(("analogy, water in the style of balloons", sample(Task.ANALOGY, water, clips={"style": balloons})))
    rows.append(("sketch, the drawing", sketch.frames))
    for name, clip in (("water", water), ("balloons", balloons)):
        frames = sample(Task.SKETCH, clip, clips={"sketch": sketch})
        rows.append((f"sketch, in the style of {name}", frames))
    return rows


def failures() -> list[Row]:
    """What the paper's Fig. 10 shows: a camera that moves over something rigid; and ours."""
    still = scene("water", frames=2, height=108, width=360).frames[0]
    pan = Clip(np.stack([still[:, 10 * t : 10 * t + 192] for t in range(16)]), Fraction(12))
    zoom = Clip(_zoomed(still[:, :192], 16), Fraction(12))
    discs = scene("discs")
    gradual = {"output_scale": [1, 1, 1.6], "retarget_growth": "gradual"}
    return [
        ("a camera pans over a rigid scene, the input", pan.frames),
        ("generate: parts of the scene move apart", sample(Task.GENERATE, pan, seed=1)),
        ("a camera zooms in, the input", zoom.frames),
        ("generate: no single scale", sample(Task.GENERATE, zoom, seed=1)),
        ("discs, the input", discs.frames),
        ("retarget growing gradually: what is larger than a patch is stretched", sample(Task.RETARGET, discs, gradual)),
    ]


def _zoomed(picture: np.ndarray, frames: int) -> Frames:
    height, width = picture.shape[:2]
    image, out = Image.fromarray(picture), []
    for t in range(frames):
        margin = 1 - 0.03 * t
        box = (width * (1 - margin) / 2, height * (1 - margin) / 2, width * (1 + margin) / 2, height * (1 + margin) / 2)
        out.append(np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box)))
    return np.stack(out)


def save_sheet(path: Path, rows: list[Row]) -> None:
    """Some frames of every row, evenly spaced, under its title."""
    strips = []
    for title, frames in rows:
        picked = frames[np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)]
        strips.append((f"{title} ({len(frames)} frames)", np.concatenate(list(picked), axis=1)))
    width = max(strip.shape[1] for _, strip in strips)
    height = sum(strip.shape[0] + TITLE + GAP for _, strip in strips)
    sheet = Image.new("RGB", (width, height), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for title, strip in strips:
        pen.text((2, top + 3), title, fill="black")
        sheet.paste(Image.fromarray(strip), (0, top + TITLE))
        top += strip.shape[0] + TITLE + GAP
    with atomic_path(path) as temporary:
        sheet.quantize(128).save(temporary, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        save_sheet(folder / "vgpnn_tasks.png", tasks(Path(temporary)))
    save_sheet(folder / "vgpnn_failures.png", failures())


if __name__ == "__main__":
    main()
