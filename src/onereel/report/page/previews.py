"""What the page shows of preprocessing: depth and motion as videos beside the input, embeddings as a picture."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from onereel.base.files import atomic_path, write_json
from onereel.features.artefacts import read_artefact
from onereel.report.page.views import SIMILARITY
from onereel.report.page.visuals import displacement_colours, visualise
from onereel.video.clip import Clip, Frames

_CELL = 12  # pixels of a pair of frames
_LARGEST = 480  # pixels of the picture
_FAST = 95  # percentile of lengths that has the full colour


def preview(clip: Clip, artefacts: dict[str, Path], out_dir: Path) -> None:
    """Draw the artefacts of a clip.

    Args:
        clip: the clip.
        artefacts: files by kind: ``depth``, ``flow``, ``embeddings``; any of them.
        out_dir: made when missing: a folder of `visualise` for depth and for flow, a picture for embeddings, and
            ``index.json``: what made each, kind -> title.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    titles = {}
    for kind, path in artefacts.items():
        arrays, titles[kind] = read_artefact(path, kind)
        match kind:
            case "depth":
                visualise(Clip(depth_colours(arrays["inverse_depth"]), clip.fps), None, out_dir / kind)
            case "flow":
                visualise(Clip(flow_colours(arrays["forward"]), clip.fps), None, out_dir / kind)
            case "embeddings":
                _save(similarity(arrays["images"]), out_dir / SIMILARITY)
    write_json(out_dir / "index.json", titles)


def depth_colours(inverse_depth: np.ndarray) -> Frames:
    """(T, H, W) in [0, 1] -> (T, H, W, 3) uint8: dark is far, light is near."""
    table = (mpl.colormaps["inferno"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    return table[(inverse_depth.astype(np.float32).clip(0, 1) * 255).round().astype(np.uint8)]


def flow_colours(flow: np.ndarray) -> Frames:
    """(T-1, H, W, 2) pixels (dx, dy) -> (T, H, W, 3) uint8: hue is the direction, saturation the length.

    The last frame, which goes nowhere, repeats the one before it; one frame alone is white.
    """
    moves = flow.astype(np.float32)
    if not len(moves):
        return np.full((1, *flow.shape[1:3], 3), 247, np.uint8)
    full = float(np.percentile(np.hypot(moves[..., 0], moves[..., 1]), _FAST))
    colours = displacement_colours(moves[..., ::-1], max(full, 1))
    return np.concatenate([colours, colours[-1:]])


def similarity(images: np.ndarray) -> np.ndarray:
    """Cosines of every pair of (T, D) embeddings as a (N, N, 3) picture: dark is the least of them, light is 1."""
    cosines = images @ images.T
    low = float(cosines.min())
    shares = (cosines - low) / max(1 - low, 1e-6)
    table = (mpl.colormaps["viridis"](shares.clip(0, 1))[..., :3] * 255).round().astype(np.uint8)
    cell = max(1, min(_CELL, _LARGEST // len(images)))
    return table.repeat(cell, 0).repeat(cell, 1)


def _save(picture: np.ndarray, path: Path) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, optimize=True)
