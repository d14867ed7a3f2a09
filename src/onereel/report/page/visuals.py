"""What the page shows of a clip: sheets of all frames, a frame strip, space-time slices and where each patch came from.

A folder of visuals holds ``index.json`` (see `visualise`) and the pictures that it names. Players draw from the sheets,
because browsers cannot step a compressed video exactly, and a lossy preview would hide what there is to see.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFile
from skimage.color import hsv2rgb

from onereel import nnf
from onereel.base.files import atomic_path, write_json
from onereel.video.clip import Clip, Frames, to_video
from onereel.video.films import resized

MAX_SHEET = 4096
"""Largest side of a sheet, px: what every browser decodes."""
_MAX_HEIGHT = 288
_MAX_WIDTH = 1024
_STRIP_FRAMES = 8
_STRIP_HEIGHT = 144
_STRIP_GAP = 2
_JPEG = {"quality": 90, "subsampling": 0, "optimize": True}
_PATCH = (3, 7, 7)  # VGPNN's
_SEARCH_VOXELS = 120_000  # about half a second on one core
_SEARCH = nnf.SearchConfig(precision="uint8")
_SEED = 0


GUIDES = "guides"
"""Folder, beside those of a run's samples, of what the samples start from."""


@dataclass(frozen=True)
class _Grid:
    """How frames of one size share sheets."""

    height: int
    width: int

    @property
    def columns(self) -> int:
        return max(MAX_SHEET // self.width, 1)

    @property
    def capacity(self) -> int:
        return self.columns * max(MAX_SHEET // self.height, 1)


def visualise(reference: Clip, sample: Clip | None, out_dir: Path) -> None:
    """Write what the page shows of one clip or sample into `out_dir`.

    ``index.json``: ``size`` [T, H, W], ``fps`` as text, ``display`` [H, W] of a frame in the sheets, ``sheets``
    (``file``, ``first`` frame, ``count``, ``columns``), ``strip``, ``xt`` (centre row over time, time downwards),
    ``ty`` (centre column over time, time to the right), ``origins``: its own ``display`` and ``sheets``, or null for
    the reference itself.

    Args:
        reference: the input clip.
        sample: a sample of it; None to show the reference itself.
        out_dir: made when missing.
    """
    clip = reference if sample is None else sample
    out_dir.mkdir(parents=True, exist_ok=True)
    height, width = display_size(*clip.frames.shape[1:3])
    index: dict[str, Any] = {
        "size": list(clip.size),
        "fps": str(clip.fps),
        "display": [height, width],
        "sheets": write_sheets(resized(clip.frames, height, width), out_dir, "frames", ".jpg"),
        "strip": "strip.jpg",
        "xt": "xt.jpg",
        "ty": "ty.jpg",
        "origins": None,
    }
    _save(_strip(clip.frames), out_dir / "strip.jpg")
    row, column = slices(clip.frames)
    _save(_stretched(row, height, width), out_dir / "xt.jpg")
    _save(_stretched(column, height, width), out_dir / "ty.jpg")
    if sample is not None:
        colours = origin_colours(reference.frames, sample.frames)
        sheets = write_sheets(colours, out_dir, "origins", ".png")
        index["origins"] = {"display": list(colours.shape[1:3]), "sheets": sheets}
    write_json(out_dir / "index.json", index)


def visualise_guides(guides: Mapping[str, Clip], out_dir: Path) -> None:
    """Write what the page shows of a run's further inputs: ``index.json``, their names, and a folder for each."""
    for number, clip in enumerate(guides.values()):
        visualise(clip, None, out_dir / str(number))
    write_json(out_dir / "index.json", list(guides))


def display_size(height: int, width: int) -> tuple[int, int]:
    """Height and width at which frames are shown: as they are, or shrunk to fit 288 x 1024 px."""
    scale = min(1.0, _MAX_HEIGHT / height, _MAX_WIDTH / width)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def slices(frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """The centre row over time, (T, W, 3), and the centre column over time, (H, T, 3)."""
    _, height, width, _ = frames.shape
    return frames[:, height // 2], frames[:, :, width // 2].swapaxes(0, 1)


def origin_colours(reference: Frames, sample: Frames) -> Frames:
    """Where every patch of `sample` came from in `reference`, as colour: (T, h, w, 3) uint8 at a reduced size.

    Hue is the direction of the displacement in space to the nearest 3x7x7 patch, saturation its length (square root,
    full at half the diagonal of the reference). A copy, shifted or not, is one flat area; white is a copy in place.
    """
    scale = min(1.0, math.sqrt(_SEARCH_VOXELS / max(sample[..., 0].size, reference[..., 0].size)))
    small = [_shrunk(frames, scale) for frames in (sample, reference)]
    patch = tuple(min(extent, *sizes) for extent, *sizes in zip(_PATCH, *(f.shape for f in small), strict=False))
    queries, keys = (to_video(frames) for frames in small)
    generator = torch.Generator().manual_seed(_SEED)
    field = nnf.search(queries, keys, patch=patch, method=_SEARCH, generator=generator)
    height, width = small[1].shape[1:3]
    colours = displacement_colours(field.offsets()[..., 1:].numpy(), math.hypot(height, width) / 2)
    # The field has one vector per whole patch; its border is repeated so that colours lie on the patches' centres.
    missing = [full - part for full, part in zip(small[0].shape[:3], colours.shape[:3], strict=True)]
    return np.pad(colours, [*((gap // 2, gap - gap // 2) for gap in missing), (0, 0)], mode="edge")


def displacement_colours(offsets: np.ndarray, full: float) -> np.ndarray:
    """(..., 2) displacements (h, w) as (..., 3) uint8: hue is the direction, saturation the length, white is none.

    Args:
        offsets: displacements in px.
        full: length in px from which the saturation is full.
    """
    down, right = offsets[..., 0].astype(np.float64), offsets[..., 1].astype(np.float64)
    hue = np.arctan2(down, right) / (2 * np.pi) % 1
    saturation = np.sqrt(np.clip(np.hypot(down, right) / max(full, 1), 0, 1))
    colours = hsv2rgb(np.stack((hue, saturation, np.full_like(hue, 0.97)), axis=-1))
    return (colours * 255).round().astype(np.uint8)


def write_sheets(frames: Frames, folder: Path, name: str, suffix: str) -> list[dict[str, Any]]:
    """Write all frames, side by side, into as few pictures as browsers decode.

    Args:
        frames: (T, H, W, 3) uint8.
        folder: where they go.
        name: what their names begin with.
        suffix: ``.jpg`` or ``.png``.

    Returns: ``file``, ``first`` frame, ``count`` and ``columns`` of each, as the page's players read them.
    """
    grid = _Grid(*frames.shape[1:3])
    sheets = []
    for number, first in enumerate(range(0, len(frames), grid.capacity)):
        part = frames[first : first + grid.capacity]
        file = f"{name}-{number}{suffix}"
        _save(_tiled(part, min(grid.columns, len(part))), folder / file)
        sheets.append({"file": file, "first": first, "count": len(part), "columns": min(grid.columns, len(part))})
    return sheets


def _tiled(frames: Frames, columns: int) -> np.ndarray:
    """(T, H, W, 3) -> one picture, row by row."""
    count, height, width, _ = frames.shape
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, height, width, 3), np.uint8)
    padded[:count] = frames
    return padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def _strip(frames: Frames) -> np.ndarray:
    """About eight frames, evenly spaced, the first and the last among them, side by side, grey between them."""
    picked = frames[np.unique(np.linspace(0, len(frames) - 1, _STRIP_FRAMES).round().astype(int))]
    height, width = picked.shape[1:3]
    scale = min(1.0, _STRIP_HEIGHT / height)
    picked = resized(picked, max(round(height * scale), 1), max(round(width * scale), 1))
    gap = np.full((picked.shape[1], _STRIP_GAP, 3), 128, np.uint8)
    parts = [piece for frame in picked for piece in (frame, gap)][:-1]
    return np.concatenate(parts, axis=1)


def _shrunk(frames: Frames, scale: float) -> Frames:
    height, width = (max(round(length * scale), 1) for length in frames.shape[1:3])
    return resized(frames, height, width)


def _stretched(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A slice at the size of a frame; time steps stay visible as steps."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), Image.Resampling.NEAREST))


def _save(picture: np.ndarray, path: Path) -> None:
    # An optimised JPEG is made in one buffer, which Pillow makes too small for noise.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, picture.size)
    options = _JPEG if path.suffix == ".jpg" else {"optimize": True}
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, **options)
