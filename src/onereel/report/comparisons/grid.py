"""Frames of runs as a table of pictures (Gen-1, Fig. 9 and 10), and how like a subject they are."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onereel import ingest
from onereel.base.errors import ConfigError
from onereel.project.comparisons import Grid
from onereel.report.comparisons.material import ComparedRun, Material, Shown
from onereel.report.tables.model import Block, Cell, Column, Row, Table
from onereel.video.clip import Frames, read

_SIDE = 0.85  # inches of a frame
_LABEL, _TITLE = 0.9, 0.3  # inches of words beside rows and above columns


def grid(asked: Grid, material: Material) -> Shown:
    """The picture; where there are pictures to compare with, how like them each run is."""
    runs = {run.run: run for run in material.runs}
    cells = {place: runs[name] for place, name in asked.cells.items()}
    videos = {place: read(run.samples[0]).frames for place, run in cells.items()}
    tables = (_likeness(asked, videos),) if asked.likeness else ()
    return Shown(tables=tables, figures={"grid": draw(asked, cells, videos)})


def draw(asked: Grid, cells: Mapping[tuple[str, str], ComparedRun], videos: Mapping[tuple[str, str], Frames]) -> Figure:
    """Words, or the clips that rows and columns are of, and frames of every run."""
    beside, above = bool(asked.row_head), bool(asked.column_head)
    height, width = len(asked.rows) + above, len(asked.columns) * asked.frames + beside
    figure = Figure(figsize=(_LABEL + _SIDE * width, _TITLE + _SIDE * height), layout="constrained")
    axes = figure.subplots(height, width, squeeze=False)
    for axis in axes.flat:
        _bare(axis)
    for index, (row, words) in enumerate(asked.rows.items(), start=above):
        axes[index, 0].set_ylabel(_wrapped(words), fontsize=7.5, rotation=0, ha="right", va="center")
        if beside:
            _show(axes[index, 0], _head(cells, 0, row, asked.row_head))
    for index, (column, words) in enumerate(asked.columns.items()):
        first = beside + index * asked.frames
        axes[0, first].set_title(_wrapped(words), fontsize=7.5, loc="left")
        if above:
            _show(axes[0, first], _head(cells, 1, column, asked.column_head))
        for line, row in enumerate(asked.rows, start=above):
            if (row, column) in videos:
                frames = videos[row, column]
                for place, at in enumerate(np.linspace(0, len(frames) - 1, asked.frames).round().astype(int)):
                    _show(axes[line, first + place], frames[at])
    return figure


def _head(cells: Mapping[tuple[str, str], ComparedRun], axis: int, word: str, role: str) -> Frames:
    """The middle frame of the clip of that role of a row's or a column's first run."""
    run = next(run for place, run in cells.items() if place[axis] == word)
    if role not in run.given:
        remedy = f"it has {', '.join(run.given) or 'none'}"
        raise ConfigError(f"run '{run.run}'", f"has no clip '{role}' to be shown", remedy)
    frames = read(run.given[role]).frames
    return frames[len(frames) // 2]


def _likeness(asked: Grid, videos: Mapping[tuple[str, str], Frames]) -> Table:
    """Mean cosine of CLIP between a run's frames and held-out pictures."""
    from onereel.features.text_image import ClipEmbedder  # with open_clip, which takes seconds to load
    from onereel.methods.gen1.customise import likeness
    from onereel.weights.store import Weights

    pictures = [ingest.load(path, allow_single=True).frames[:1] for path in sorted(Path(asked.likeness).iterdir())]
    embedder = ClipEmbedder(Weights().resolve("clip"))
    values = {place: likeness(frames, pictures, embedder) for place, frames in videos.items()}
    columns = tuple(
        Column(name, name, words, "", "higher", stand_in=False, ours=True, published=False)
        for name, words in asked.columns.items()
    )
    rows = tuple(
        Row(words, tuple(_cell(values.get((row, column))) for column in asked.columns), (None,) * len(columns))
        for row, words in asked.rows.items()
    )
    caption = (
        f"{asked.caption} Mean cosine of CLIP ({embedder.title}) between frames and {len(pictures)} held-out pictures."
    )
    return Table("likeness", asked.title, caption.strip(), columns, (Block("", "methods", rows),), (), over="frames")


def _cell(value: float | None) -> Cell | None:
    return None if value is None else Cell(value, None, None, 1, 1, complete=True, protocol="")


def _show(axis: Axes, frame: Frames) -> None:
    axis.imshow(frame, interpolation="nearest")


def _bare(axis: Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _wrapped(words: str) -> str:
    return "\n".join(textwrap.wrap(words, 14))
