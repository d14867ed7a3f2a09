"""Edit pairs: one clip twice with one attribute changed, which is what an editor should make of the first."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from onereel.base.errors import ConfigError
from onereel.scenes.base import Array, Scene
from onereel.scenes.world.captions import Caption, describe
from onereel.scenes.world.kinds import (
    COLOURS,
    DIRECTIONS,
    KINDS,
    MOST,
    SETTINGS,
    SIZES,
    SPEEDS,
    STYLES,
    TIMES,
    WEATHERS,
)
from onereel.scenes.world.layout import crowded
from onereel.scenes.world.plan import plan_of
from onereel.scenes.world.rendering import WorldBatch, render_specs, scene_of
from onereel.scenes.world.sampling import sample_world
from onereel.scenes.world.spec import WorldSpec, complaints, hidden_attributes, stream
from onereel.scenes.world.styles import reach_of

_OF_GROUP: dict[str, tuple[Any, ...]] = {
    "kind": tuple(KINDS),
    "colour": COLOURS,
    "count": tuple(range(1, MOST + 1)),
    "size": SIZES,
    "direction": DIRECTIONS,
    "speed": SPEEDS,
}
_OF_WORLD: dict[str, tuple[Any, ...]] = {"setting": SETTINGS, "time": TIMES, "weather": WEATHERS, "style": STYLES}
EDITS = (*_OF_GROUP, *_OF_WORLD)
"""Attributes that an edit can change."""
_TRIES = 500


@dataclass(frozen=True)
class EditPair:
    """What is asked of an editor, and the right answer.

    Attributes:
        kind: of `EDITS`.
        attribute: what differs: "time", or "groups.1.colour".
        before, after: its values.
        source, edited: the two clips.
        source_spec, edited_spec: equal but for the attribute.
        source_caption, edit_caption: in the same words but for it; both name it where it can be seen.
        mask: (T, H, W) bool, True for pixels that may differ; elsewhere the frames are identical. The whole frame for
            time, weather and style; for the setting all that the background shows through.
    """

    kind: str
    attribute: str
    before: Any
    after: Any
    source: Scene
    edited: Scene
    source_spec: WorldSpec
    edited_spec: WorldSpec
    source_caption: str
    edit_caption: str
    mask: Array


def edit_pair(
    seed: int,
    kind: str | None = None,
    *,
    frames: int = 16,
    height: int = 64,
    width: int = 64,
    fps: int | float | Fraction = 8,
) -> EditPair:
    """The edit pair of one seed.

    Args:
        seed: >= 0.
        kind: of `EDITS`; drawn without it.
        frames, height, width, fps: as in `render_specs`.

    Raises: ConfigError for a negative seed or an unknown kind.
    """
    source, edited, attribute, kind = edit_specs(seed, kind)
    batch = render_specs([source, edited], frames=frames, height=height, width=width, fps=fps)
    _, named = plan_of([source, edited])
    words = [describe(spec, seed, name=frozenset({kind})) for spec in (source, edited)]
    scenes = [scene_of(batch, index, named[index], Fraction(fps), words[index]) for index in range(2)]
    return EditPair(
        kind=kind,
        attribute=attribute,
        before=value_of(source, attribute),
        after=value_of(edited, attribute),
        source=scenes[0],
        edited=scenes[1],
        source_spec=source,
        edited_spec=edited,
        source_caption=words[0].text,
        edit_caption=words[1].text,
        mask=_mask(batch, kind, attribute, [[thing.group for thing in _far_to_near(one.things)] for one in named]),
    )


def _far_to_near(things: tuple[Any, ...]) -> list[Any]:
    return sorted(things, key=lambda thing: -thing.distance)


def edit_specs(seed: int, kind: str | None = None) -> tuple[WorldSpec, WorldSpec, str, str]:
    """(source, edited, attribute, kind) of `edit_pair` without rendering."""
    if kind is not None and kind not in EDITS:
        raise ConfigError(f"edit '{kind}'", "no such edit", f"choose one of {', '.join(EDITS)}")
    if seed < 0:
        raise ConfigError("edit pair", f"seed is {seed}", "the least is 0")
    rng = stream(seed, "edit")
    wanted = kind or EDITS[int(rng.integers(len(EDITS)))]
    for _ in range(_TRIES):
        source = sample_world(int(rng.integers(1 << 40)))
        options = [
            (edited, attribute)
            for edited, attribute in _edits(source, wanted)
            if not any(complaints(edited)) and not crowded(edited)
        ]
        if options:
            edited, attribute = options[int(rng.integers(len(options)))]
            return source, edited, attribute, wanted
    raise AssertionError(f"no edit of {wanted} in {_TRIES} worlds for seed {seed}")


def _edits(source: WorldSpec, kind: str) -> list[tuple[WorldSpec, str]]:
    """Every world that differs from the source in one attribute of this kind, good or not."""
    if kind in hidden_attributes(source):
        return []
    if kind in _OF_WORLD:
        values = [value for value in _OF_WORLD[kind] if value != getattr(source, kind)]
        return [(replace(source, **{kind: value}), kind) for value in values]
    edits = []
    for index, group in enumerate(source.groups):
        if kind == "speed" and group.direction == "still":
            continue
        for value in _OF_GROUP[kind]:
            if value != getattr(group, kind) and _fits(group.kind, kind, value):
                groups = list(source.groups)
                groups[index] = replace(group, **{kind: value})
                edits.append((replace(source, groups=tuple(groups)), f"groups.{index}.{kind}"))
    return edits


def _fits(old: str, kind: str, value: Any) -> bool:
    """Another kind takes the place of one that lives where it lives."""
    return kind != "kind" or KINDS[old].habitat == KINDS[value].habitat


def value_of(spec: WorldSpec, attribute: str) -> Any:
    """The value that an attribute's name, such as "groups.1.colour", stands for."""
    if "." not in attribute:
        return getattr(spec, attribute)
    _, index, name = attribute.split(".")
    return getattr(spec.groups[int(index)], name)


def _mask(batch: WorldBatch, kind: str, attribute: str, groups: list[list[int]]) -> Array:
    """Where the two clips may differ, from what each thing touched, widened by the reach of the style's filter."""
    shape = batch.touched.shape[1:]
    if kind in ("time", "weather", "style"):
        return np.ones(shape, bool)
    if kind == "setting":
        mask = ~((batch.touched[0] & 128).astype(bool) & (batch.touched[1] & 128).astype(bool))
    else:
        changed = int(attribute.split(".")[1])
        mask = np.zeros(shape, bool)
        for clip, owners in enumerate(groups):
            bits = sum(1 << number for number, owner in enumerate(owners) if owner == changed)
            mask |= (batch.touched[clip] & bits).astype(bool)
    return widened(mask, reach_of(STYLES.index(batch.specs[0].style), shape[1]))


def widened(mask: Array, reach: int) -> Array:
    """(T, H, W) mask with all pixels within `reach` of it, diagonals included."""
    for axis in (1, 2):
        grown = mask.copy()
        for shift in range(1, reach + 1):
            ahead = [slice(None)] * 3
            behind = [slice(None)] * 3
            ahead[axis], behind[axis] = slice(shift, None), slice(None, -shift)
            grown[tuple(ahead)] |= mask[tuple(behind)]
            grown[tuple(behind)] |= mask[tuple(ahead)]
        mask = grown
    return mask


__all__ = ["EDITS", "Caption", "EditPair", "edit_pair", "edit_specs", "value_of"]
