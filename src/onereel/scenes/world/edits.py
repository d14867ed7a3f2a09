"""Edit pairs: one clip twice with one attribute changed, which is what an editor should make of the first."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from onereel.base.errors import ConfigError
from onereel.scenes.base import Array, Scene
from onereel.scenes.world.captions import Caption, describe
from onereel.scenes.world.kinds import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    HABITATS,
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
from onereel.scenes.world.sampling import draw_group, sample_world
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
_DRAWN = (*_OF_GROUP, *_OF_WORLD)  # where no kind is asked for: their number decides what every seed draws
EDITS = (*_DRAWN, "camera", "add")
"""What an edit can change: attributes, and ``add``: a group of things, or rain, snow or fog, that was not there."""
_TRIES = 500


@dataclass(frozen=True)
class EditPair:
    """What is asked of an editor, and the right answer.

    Attributes:
        kind: of `EDITS`.
        attribute: what differs: "time", "groups.1.colour", or "groups.1" where that group was added.
        before, after: its values; of an added group None and its kind.
        source, edited: the two clips.
        source_spec, edited_spec: equal but for the attribute (and `WorldSpec.framed`, where the camera differs).
        source_caption, edit_caption: in the same words but for it; both name it where it can be seen.
        mask: (T, H, W) bool, True for pixels that may differ; elsewhere the frames are identical. The whole frame for
            time, weather, style and camera; for the setting all that the background shows through.
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
    source: WorldSpec | None = None,
    name: frozenset[str] = frozenset(),
    frames: int = 16,
    height: int = 64,
    width: int = 64,
    fps: int | float | Fraction = 8,
) -> EditPair:
    """The edit pair of one seed.

    Args:
        seed: >= 0.
        kind: of `EDITS`; without it one of all but ``camera`` and ``add`` is drawn.
        source: the world to edit; drawn without it. Pairs of one source share its frames, and its words as far as the
            edits do not name more.
        name: attributes that both captions name besides the edited one, as in `describe`; with `EVERYTHING` all pairs
            of a source share its caption.
        frames, height, width, fps: as in `render_specs`.

    Raises: ConfigError for a negative seed, an unknown kind, or a source that has no edit of this kind.
    """
    words = edit_captions(seed, kind, source=source, name=name)
    source, edited, attribute, kind = edit_specs(seed, kind, source)
    batch = render_specs([source, edited], frames=frames, height=height, width=width, fps=fps)
    _, named = plan_of([source, edited])
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
        mask=_mask(batch, attribute, [[thing.group for thing in _far_to_near(one.things)] for one in named]),
    )


def edit_captions(
    seed: int, kind: str | None = None, *, source: WorldSpec | None = None, name: frozenset[str] = frozenset()
) -> tuple[Caption, Caption]:
    """Captions of source and edit, as in `edit_pair`, without rendering."""
    wording = seed if source is None else source.seed
    before, after, attribute, _ = edit_specs(seed, kind, source)
    told = name | {attribute.split(".")[-1]}
    return describe(before, wording, name=told), describe(after, wording, name=told)


def _far_to_near(things: tuple[Any, ...]) -> list[Any]:
    return sorted(things, key=lambda thing: -thing.distance)


def edit_specs(
    seed: int, kind: str | None = None, source: WorldSpec | None = None
) -> tuple[WorldSpec, WorldSpec, str, str]:
    """(source, edited, attribute, kind) of `edit_pair` without rendering."""
    if kind is not None and kind not in EDITS:
        raise ConfigError(f"edit '{kind}'", "no such edit", f"choose one of {', '.join(EDITS)}")
    if seed < 0:
        raise ConfigError("edit pair", f"seed is {seed}", "the least is 0")
    rng = stream(seed, "edit")
    wanted = kind or _DRAWN[int(rng.integers(len(_DRAWN)))]
    for _ in range(_TRIES):
        world = source or sample_world(int(rng.integers(1 << 40)))
        options = [
            (edited, attribute)
            for edited, attribute in _edits(world, wanted, rng)
            if not any(complaints(edited)) and not crowded(edited)
        ]
        if options:
            edited, attribute = options[int(rng.integers(len(options)))]
            return world, edited, attribute, wanted
        if source is not None and wanted != "add":  # what is added is drawn anew in every try
            break
    if source is not None:
        raise ConfigError(f"edit '{wanted}'", "this source has none", "name another source or kind")
    raise AssertionError(f"no edit of {wanted} in {_TRIES} worlds for seed {seed}")


def _edits(source: WorldSpec, kind: str, rng: np.random.Generator) -> list[tuple[WorldSpec, str]]:
    """Every world that differs from the source in one attribute of this kind, good or not; of additions some."""
    if kind in hidden_attributes(source):
        return []
    if kind == "add":
        return _additions(source, rng)
    if kind == "camera":
        # Places leave room for the camera: the edited world's for the one that it had.
        return [
            (replace(source, camera=value, framed=source.framed or source.camera), kind)
            for value in CAMERAS
            if value != source.camera
        ]
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


def _additions(source: WorldSpec, rng: np.random.Generator) -> list[tuple[WorldSpec, str]]:
    """A second group of every kind that can be there, each drawn once, and weathers where it is clear."""
    edits = []
    if source.weather == "clear":
        edits = [(replace(source, weather=value), "weather") for value in WEATHERS if value != "clear"]
    if len(source.groups) > 1:
        return edits
    for kind, thing in KINDS.items():
        if thing.habitat in HABITATS[source.setting] and (group := draw_group(rng, source, kind)) is not None:
            edits.append((replace(source, groups=(*source.groups, group)), f"groups.{len(source.groups)}"))
    return edits


def _fits(old: str, kind: str, value: Any) -> bool:
    """Another kind takes the place of one that lives where it lives."""
    return kind != "kind" or KINDS[old].habitat == KINDS[value].habitat


def value_of(spec: WorldSpec, attribute: str) -> Any:
    """The value that an attribute's name, such as "groups.1.colour", stands for; of a group its kind, or None."""
    if "." not in attribute:
        return getattr(spec, attribute)
    index, name = int(attribute.split(".")[1]), attribute.split(".")[2:]
    if not name:
        return spec.groups[index].kind if index < len(spec.groups) else None
    return getattr(spec.groups[index], name[0])


def _mask(batch: WorldBatch, attribute: str, groups: list[list[int]]) -> Array:
    """Where the two clips may differ, from what each thing touched, widened by the reach of the style's filter."""
    shape = batch.touched.shape[1:]
    if attribute in ("time", "weather", "style", "camera"):
        return np.ones(shape, bool)
    if attribute == "setting":
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
