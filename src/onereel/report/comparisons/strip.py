"""Frames of some edits as one picture: the source, every editor's output and the right answer (Dreamix, Fig. 8)."""

import textwrap

import numpy as np
from matplotlib.figure import Figure, SubFigure

from onereel import ingest
from onereel.base.errors import ConfigError
from onereel.methods.gen1.masks import shown
from onereel.project.comparisons import Strip
from onereel.report.comparisons.material import Material, Shown
from onereel.scenes.world import KnownEdit, known_edit
from onereel.video.clip import Clip, Frames

SOURCE, MASK, TRUTH = "Source", "May change (purple)", "Right answer"
_SIDE = 0.95  # inches of a frame
_LABEL, _TITLE = 1.1, 0.45  # inches of names and of prompts


def strip(asked: Strip, material: Material) -> Shown:
    """The picture."""
    rows = {name: _rows(name, asked, material) for name in asked.edits}
    height = sum(_TITLE + _SIDE * len(videos) for _, videos in rows.values())
    figure = Figure(figsize=(_LABEL + _SIDE * asked.frames, height), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=[len(videos) for _, videos in rows.values()])
    for part, (edit, videos) in zip(parts[:, 0], rows.values(), strict=True):
        _draw(part, edit, videos, asked.frames)
    return Shown(figures={"frames": figure})


def _rows(name: str, asked: Strip, material: Material) -> tuple[KnownEdit, dict[str, Frames]]:
    edit = _edit(name, material)
    videos = {SOURCE: edit.source}
    if asked.masks:
        videos[MASK] = shown(Clip(edit.source), ~edit.mask).frames
    for label, rows in asked.editors.items():
        paths = [material.outputs[row][name] for row in rows if name in material.outputs.get(row, {})]
        if paths:
            videos[label] = ingest.load(paths[0]).frames
    return edit, {**videos, TRUTH: edit.answer}


def _edit(name: str, material: Material) -> KnownEdit:
    for known in material.sets.values():
        if name in known.requests:
            return known_edit(**known.requests[name])
    raise ConfigError(f"edit '{name}'", "is in none of the compared sets", "name one of theirs, KIND-SEED")


def _draw(part: SubFigure, edit: KnownEdit, videos: dict[str, Frames], count: int) -> None:
    part.suptitle("\n".join(textwrap.wrap(f"{edit.kind}: {edit.prompt}", 90)), fontsize=7.5, x=0.01, ha="left")
    axes = part.subplots(len(videos), count, squeeze=False)
    for row, (label, frames) in zip(axes, videos.items(), strict=True):
        for axis, at in zip(row, np.linspace(0, len(frames) - 1, count).round().astype(int), strict=True):
            axis.imshow(frames[at], interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel("\n".join(textwrap.wrap(label, 14)), fontsize=7.5, rotation=0, ha="right", va="center")
