"""Render worlds: one as a `Scene`, many as arrays for training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from onereel.scenes.base import Array, Scene
from onereel.scenes.world.captions import Caption, describe
from onereel.scenes.world.geometry import noise_table
from onereel.scenes.world.kernels import render_all
from onereel.scenes.world.kinds import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    KINDS,
    SETTINGS,
    SIZES,
    SPEEDS,
    STYLES,
    TIMES,
    WEATHERS,
)
from onereel.scenes.world.plan import Named, plan_of
from onereel.scenes.world.sampling import sample_world
from onereel.scenes.world.shapes import shape_table
from onereel.scenes.world.spec import WorldSpec, hidden_attributes

CLASSES: Mapping[str, tuple[Any, ...]] = {
    "setting": SETTINGS, "time": TIMES, "weather": WEATHERS, "style": STYLES, "camera": CAMERAS,
    "kind": tuple(KINDS), "colour": COLOURS, "count": (1, 2, 3, 4), "size": SIZES, "direction": DIRECTIONS,
    "speed": SPEEDS,
}  # fmt: skip
"""What the numbers in `WorldBatch.labels` stand for."""
_OF_GROUP = ("kind", "colour", "count", "size", "direction", "speed")


@dataclass(frozen=True)
class WorldBatch:
    """Clips for training, with their truth.

    Attributes:
        frames: (N, T, H, W, 3) uint8.
        depth: (N, T, H, W) float32 > 0, scene units.
        flow: (N, T-1, H, W, 2) float32, pixels (dx, dy).
        occluded: (N, T-1, H, W) bool.
        surfaces: (N, T, H, W) uint8, index into `names[n]`: 0 is the sky; things come last, far to near.
        touched: (N, T, H, W) uint8: bit k where thing k (far to near) or its shadow shows in the plain picture, bit 7
            where the background does not.
        names: of the surfaces, for every clip.
        specs: what was rendered.
        captions: one for every clip.
        labels: attribute -> (N,) int64 into `CLASSES`, of the first group for what groups have; -1 where the clip does
            not show it: colour and time in a pencil sketch, speed of what is still.
    """

    frames: Array
    depth: Array
    flow: Array
    occluded: Array
    surfaces: Array
    touched: Array
    names: tuple[tuple[str, ...], ...]
    specs: tuple[WorldSpec, ...]
    captions: tuple[Caption, ...]
    labels: Mapping[str, Array]


@cache
def _tables() -> tuple[Array, Array]:
    return shape_table()[0], noise_table()


def render_specs(
    specs: Sequence[WorldSpec],
    *,
    frames: int = 16,
    height: int = 64,
    width: int = 64,
    fps: int | float | Fraction = 8,
    wording: int = 0,
) -> WorldBatch:
    """Render worlds; every clip is the same alone and among others, on any number of threads.

    Args:
        specs: N worlds, N >= 1.
        frames: T >= 1.
        height, width: pixels, >= 8.
        fps: frames per second, > 0; things stay in a square picture for two seconds.
        wording: of the captions, see `describe`.
    """
    count = len(specs)
    plan, named = plan_of(specs)
    shape = (count, frames, height, width)
    pictures, depth = np.empty((*shape, 3), np.uint8), np.empty(shape, np.float32)
    flow = np.empty((count, frames - 1, height, width, 2), np.float32)
    occluded = np.empty((count, frames - 1, height, width), np.bool_)
    surfaces, touched = np.empty(shape, np.uint8), np.zeros(shape, np.uint8)
    times = np.array([float(index / Fraction(fps)) for index in range(frames)])
    render_all(plan, *_tables(), times, (pictures, depth, flow, occluded, surfaces, touched))
    return WorldBatch(
        pictures,
        depth,
        flow,
        occluded,
        surfaces,
        touched,
        tuple(one.names for one in named),
        tuple(specs),
        tuple(describe(spec, wording) for spec in specs),
        labels_of(specs),
    )


def render_batch(seeds: Sequence[int], **settings: Any) -> WorldBatch:
    """The worlds of many seeds; keywords as in `render_specs`."""
    return render_specs([sample_world(int(seed)) for seed in seeds], **settings)


def labels_of(specs: Sequence[WorldSpec]) -> dict[str, Array]:
    """See `WorldBatch.labels`."""
    table = {attribute: np.full(len(specs), -1, np.int64) for attribute in CLASSES}
    for index, spec in enumerate(specs):
        hidden = hidden_attributes(spec)
        for attribute, values in CLASSES.items():
            if attribute in hidden or (attribute == "speed" and spec.groups[0].direction == "still"):
                continue
            value = getattr(spec.groups[0] if attribute in _OF_GROUP else spec, attribute)
            table[attribute][index] = values.index(value)
    return table


def render(
    spec: WorldSpec,
    frames: int = 16,
    height: int = 64,
    width: int = 64,
    fps: int | float | Fraction = 8,
    *,
    wording: int = 0,
) -> Scene:
    """One world as a scene; arguments as in `render_specs`."""
    batch = render_specs([spec], frames=frames, height=height, width=width, fps=fps)
    _, named = plan_of([spec])
    return scene_of(batch, 0, named[0], Fraction(fps), describe(spec, wording))


def scene_of(batch: WorldBatch, index: int, named: Named, fps: Fraction, caption: Caption) -> Scene:
    """One clip of a batch as a scene."""
    surfaces = batch.surfaces[index]
    masks = {named.names[number]: surfaces == number for number in np.unique(surfaces)}
    spec = batch.specs[index]
    return Scene(
        batch.frames[index],
        batch.depth[index],
        batch.flow[index],
        batch.occluded[index],
        masks,
        caption.text,
        fps,
        attributes_of(spec, named, caption),
    )


def attributes_of(spec: WorldSpec, named: Named, caption: Caption) -> dict[str, Any]:
    """JSON-able facts: the spec's, every thing's, which attributes can be seen, and what the caption tells."""
    hidden = hidden_attributes(spec)
    objects = [
        {
            "name": thing.name,
            "kind": thing.kind,
            "group": thing.group,
            "colour": thing.colour,
            "size": spec.groups[thing.group].size,
            "direction": spec.groups[thing.group].direction,
            "speed": spec.groups[thing.group].speed,
            "distance": thing.distance,
            "radius": thing.height / 2,
            "velocity": list(thing.velocity),
        }
        for thing in sorted(named.things, key=lambda thing: (thing.group, thing.name))
    ]
    return {
        "scene": "world",
        **spec.as_dict(),
        "objects": objects,
        "hidden": sorted(hidden),
        "facts": [dict(fact) for fact in caption.facts],
    }
