"""Contact sheets: many worlds in one picture, with their captions."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from onereel.base.errors import ConfigError
from onereel.scenes.base import Array
from onereel.scenes.world.captions import EVERYTHING, describe
from onereel.scenes.world.edits import EDITS, edit_pair
from onereel.scenes.world.kinds import CAMERAS, KINDS, SETTINGS, STYLES, TIMES, WEATHERS
from onereel.scenes.world.rendering import render_specs
from onereel.scenes.world.sampling import sample_world
from onereel.scenes.world.spec import Group, WorldSpec, complaints

SHEETS = ("seeds", "kinds", "styles", "edits", "truth")
_GAP, _LINE, _LINES = 8, 12, 4
_PAPER, _INK = (252, 252, 250), (40, 40, 44)

Cell = tuple[Array, str]


def sheet(what: str = "seeds", *, seed: int = 0, count: int = 24, height: int = 128, columns: int = 6) -> Image.Image:
    """Draw a contact sheet.

    Args:
        what: "seeds" (worlds of consecutive seeds), "kinds" (every kind), "styles" (one world in every style and at
            every time and in every weather), "edits" (source, edited and mask of every kind of edit), "truth" (frame,
            depth, flow, surfaces).
        seed: of the first world, >= 0.
        count: worlds, for "seeds" and "truth"; 1 to 1000.
        height: pixels of a picture, 8 to 1080.
        columns: pictures in a row, 1 to 100.

    Raises: ConfigError for anything else.
    """
    if what not in SHEETS:
        raise ConfigError(f"sheet '{what}'", "no such sheet", f"choose one of {', '.join(SHEETS)}")
    if seed < 0:
        raise ConfigError(f"sheet '{what}'", f"seed is {seed}", "the least is 0")
    for name, value, least, most in (
        ("count", count, 1, 1000),
        ("height", height, 8, 1080),
        ("columns", columns, 1, 100),
    ):
        if not least <= value <= most:
            raise ConfigError(f"sheet '{what}'", f"{name} is {value}", f"use {least} to {most}")
    match what:
        case "seeds":
            return _laid_out(_stills([sample_world(seed + index) for index in range(count)], height), columns)
        case "kinds":
            return _laid_out(_stills(_every_kind(seed), height), columns)
        case "styles":
            return _laid_out(_stills(_every_look(seed), height), columns)
        case "edits":
            return _laid_out(_edit_cells(seed, height), 6)
        case _:
            return _laid_out(_truth_cells(range(seed, seed + count), height), 4)


def _stills(specs: Sequence[WorldSpec], height: int, frame: int = 8) -> list[Cell]:
    """Frame `frame` of every world with its whole caption."""
    return [
        (render_specs([spec], frames=frame + 1, height=height, width=height).frames[0, -1], _words(spec))
        for spec in specs
    ]


def _words(spec: WorldSpec) -> str:
    return describe(spec, name=EVERYTHING).text


def _every_kind(seed: int) -> list[WorldSpec]:
    """One large thing of every kind, in fair weather where it can be."""
    specs = []
    for index, (name, kind) in enumerate(KINDS.items()):
        options = [
            WorldSpec(
                seed + index, setting, time, "clear", "plain", "still", (Group(name, colour, 1, "large", way, "slow"),)
            )
            for setting in SETTINGS
            for time in ("day", "night", "sunset")
            for colour in kind.colours
            for way in kind.directions
        ]
        good = [spec for spec in options if not any(complaints(spec))]
        specs.append(good[(index * 7) % max(len(good) // 3, 1)])
    return specs


def _every_look(seed: int) -> list[WorldSpec]:
    """One world per setting in every style, at every time, in every weather."""
    specs = []
    things = {"sky": "balloon", "land": "house", "water": "boat", "city": "car"}
    for index, setting in enumerate(SETTINGS):
        group = Group(things[setting], "red", 1, "large", "still", "slow")
        extra = Group("bird" if setting != "water" else "fish", "yellow", 2, "small", "right", "slow")
        bare = WorldSpec(seed + index, setting, "day", "clear", "plain", "still", (group, extra))
        looks = [replace(bare, style=style) for style in STYLES]
        looks += [replace(bare, time=time, groups=(group,)) for time in TIMES[1:]]
        looks += [replace(bare, weather=weather) for weather in WEATHERS[1:]]
        specs += [look for look in looks if not any(complaints(look))]
    assert CAMERAS[0] == "still"
    return specs


def _edit_cells(seed: int, height: int) -> list[Cell]:
    cells: list[Cell] = []
    for index, kind in enumerate(EDITS):
        pair = edit_pair(seed + index, kind, frames=12, height=height, width=height)
        middle = 8
        cells += [
            (pair.source.frames[middle], pair.source_caption),
            (pair.edited.frames[middle], pair.edit_caption),
            (_grey(pair.mask[middle] * 1.0), f"mask: {pair.attribute}, {pair.before} to {pair.after}"),
        ]
    return cells


def _truth_cells(seeds: range, height: int) -> list[Cell]:
    cells: list[Cell] = []
    for seed in seeds:
        batch = render_specs([sample_world(seed)], frames=8, height=height, width=height)
        near = 1 / batch.depth[0, 6]
        surfaces = np.array([(90, 130, 180), (120, 150, 120), (90, 110, 90), (150, 130, 90), (200, 60, 50)], np.uint8)
        tints = np.concatenate([surfaces, np.array([(240, 190, 40), (120, 60, 160), (40, 160, 160)], np.uint8)])
        cells += [
            (batch.frames[0, 6], _words(batch.specs[0])),
            (_grey(near / near.max()), "depth: near is bright"),
            (
                _flow_picture(batch.flow[0, 6], batch.occluded[0, 6]),
                "flow: hue is the way; black is hidden next",
            ),
            (tints[batch.surfaces[0, 6] % len(tints)], ", ".join(batch.names[0])),
        ]
    return cells


def _grey(values: Array) -> Array:
    return np.repeat((np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def _flow_picture(flow: Array, occluded: Array) -> Array:
    """Hue of the direction, strength up to the fastest pixel."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    share = length / max(float(length.max()), 0.5)
    angle = np.arctan2(flow[..., 1], flow[..., 0])
    wheel = 0.5 + 0.5 * np.cos(angle[..., None] - np.array([0, 2.1, 4.2]))
    picture = 1 - share[..., None] * (1 - wheel)
    return (np.where(occluded[..., None], 0.0, picture) * 255).astype(np.uint8)


def _laid_out(cells: Sequence[Cell], columns: int) -> Image.Image:
    """Pictures in rows, captions under them, all of one size."""
    side = cells[0][0].shape[0]
    columns = min(columns, len(cells))
    shown = max(side, 120)  # room for words under small pictures
    rows = -(-len(cells) // columns)
    font = ImageFont.load_default(size=10)
    cell = shown + _GAP, side + _LINES * _LINE + _GAP
    page = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), _PAPER)
    pen = ImageDraw.Draw(page)
    for index, (picture, words) in enumerate(cells):
        x, y = _GAP + index % columns * cell[0], _GAP + index // columns * cell[1]
        page.paste(Image.fromarray(picture), (x, y))
        lines = textwrap.wrap(words, max(int(shown / 5.2), 12))[:_LINES]
        for number, line in enumerate(lines):
            pen.text((x, y + side + 2 + number * _LINE), line, fill=_INK, font=font)
    return page
