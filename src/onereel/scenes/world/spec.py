"""What a world holds, as a value: the attributes of a clip and the rules that keep each of them visible."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from onereel.scenes.world import shapes
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

_WIDEST_OF_TWO = 0.85  # heights: two large things of this width stand side by side


@dataclass(frozen=True)
class Group:
    """Things of one kind that look and move alike.

    Attributes:
        kind: key of `KINDS`.
        colour: of `COLOURS`.
        count: 1 to 4.
        size: "small" or "large".
        direction: of `DIRECTIONS`, against the background.
        speed: "slow" or "fast"; says nothing where `direction` is "still".
    """

    kind: str
    colour: str
    count: int
    size: str
    direction: str
    speed: str


@dataclass(frozen=True)
class WorldSpec:
    """All that decides a clip; every detail that is no attribute follows from `seed`, for each element on its own.

    Attributes:
        seed: of the details: shapes of hills, places, textures, drops.
        setting, time, weather, style, camera: of `SETTINGS`, `TIMES`, `WEATHERS`, `STYLES`, `CAMERAS`.
        groups: one or two.
        framed: the camera for which places leave room; its own where empty. A world whose camera was changed keeps
            its places, so that at the middle of two seconds both show the same.
    """

    seed: int
    setting: str
    time: str
    weather: str
    style: str
    camera: str
    groups: tuple[Group, ...] = field(default_factory=tuple)
    framed: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it back."""
        values = asdict(self)
        if not self.framed:
            del values["framed"]
        return values

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "WorldSpec":
        """Inverse of `as_dict`."""
        groups = tuple(Group(**group) for group in values["groups"])
        return WorldSpec(**{**values, "groups": groups})


def hidden_attributes(spec: WorldSpec) -> frozenset[str]:
    """Attributes that a viewer cannot tell: a pencil has no colours, and shows neither dusk nor dark."""
    return frozenset({"colour", "time"}) if spec.style == "pencil" else frozenset()


def complaints(spec: WorldSpec) -> Iterator[str]:
    """Every reason why an attribute of this world would not be visible or plausible; nothing for a good one."""
    for name, value, known in (
        ("setting", spec.setting, SETTINGS),
        ("time", spec.time, TIMES),
        ("weather", spec.weather, WEATHERS),
        ("style", spec.style, STYLES),
        ("camera", spec.camera, CAMERAS),
        ("framed", spec.framed or spec.camera, CAMERAS),
    ):
        if value not in known:
            yield f"{name} is '{value}', not one of {', '.join(known)}"
            return
    if spec.style == "pencil" and (spec.time != "day" or spec.weather not in ("clear", "rain")):
        yield "a pencil sketch shows day only, and neither snow nor fog"
    if not 1 <= len(spec.groups) <= 2:
        yield f"{len(spec.groups)} groups, not 1 or 2"
    units = sum(group.count * (2 if group.size == "large" else 1) for group in spec.groups)
    if units > MOST:
        yield "too crowded"
    if len(spec.groups) == 2:
        first, second = spec.groups
        if first.kind == second.kind or first.colour == second.colour:
            yield "two groups that look alike"
        if {first.kind, second.kind} == {"sun", "moon"}:
            yield "sun and moon at once"
    for group in spec.groups:
        yield from _group_complaints(spec, group)


def _group_complaints(spec: WorldSpec, group: Group) -> Iterator[str]:
    for name, value, known in (
        ("kind", group.kind, tuple(KINDS)),
        ("colour", group.colour, COLOURS),
        ("size", group.size, SIZES),
        ("direction", group.direction, DIRECTIONS),
        ("speed", group.speed, SPEEDS),
    ):
        if value not in known:
            yield f"{name} is '{value}', not one of {', '.join(known)}"
            return
    kind = KINDS[group.kind]
    if not 1 <= group.count <= MOST:
        yield f"count is {group.count}, not 1 to {MOST}"
    if kind.habitat not in HABITATS[spec.setting] or (kind.settings and spec.setting not in kind.settings):
        yield f"no {group.kind} in {spec.setting}"
    if group.direction not in kind.directions:
        yield f"a {group.kind} does not go {group.direction}"
    if group.colour not in colours_of(group.kind, spec):
        yield f"a {group.colour} {group.kind} would not stand out"
    if group.direction != "still" and group.speed == "fast" and group.count * (2 if group.size == "large" else 1) > 2:
        yield "no room for more than two fast things, or one large"
    left, _, right, _ = shapes.reach(group.kind)
    wide = (right - left) * kind.scale > _WIDEST_OF_TWO
    if group.size == "large" and group.count > 1 and (wide or group.direction != "still"):
        yield f"no room for {group.count} large things of this width on the move"
    if group.count > 3 and kind.habitat in ("ground", "surface"):
        yield "no room for more than three in a row"
    if group.direction in ("up", "down") and group.speed == "fast" and spec.setting == "water":
        yield "no room to rise fast beside water"
    if spec.camera != "still" and group.direction != "still" and group.speed != "fast":
        yield "a slow motion drowns in the camera's"
    if group.kind in ("sun", "moon"):
        if group.count > 1 or spec.weather != "clear" or spec.camera != "still":
            yield f"one {group.kind} at most, in clear weather, to a still camera"
        if (group.kind == "sun") == (spec.time == "night"):
            yield f"no {group.kind} at {spec.time}"
    if group.kind == "cloud" and spec.weather == "fog":
        yield "no cloud stands out in fog"


def colours_of(kind: str, spec: WorldSpec) -> tuple[str, ...]:
    """Colours in which a thing of this kind stands out in the setting, at that time and in that weather."""
    thing = KINDS[kind]
    if thing.glows:
        return tuple(colour for colour in thing.colours if not (spec.time == "sunset" and colour == "orange"))
    unlike: set[str] = set()
    dark = {"blue", "purple"} if spec.time == "night" else set()
    if thing.habitat == "under":
        unlike = {"blue"}
    elif thing.habitat == "ground":
        unlike = {"green"} if spec.setting == "land" and kind != "tree" else set()
    elif thing.habitat == "air":
        by_time = {"day": {"blue"}, "sunset": {"orange", "pink", "yellow"}, "night": set()}
        unlike = by_time[spec.time] | ({"white"} if spec.weather in ("fog", "rain", "snow") else set())
        unlike |= {"red"} if spec.time == "sunset" and spec.weather == "fog" else set()
        unlike |= {"grey"} if spec.weather in ("rain", "snow") or spec.time != "day" else set()
    elif spec.setting == "water":
        unlike = {"blue"}
    return tuple(colour for colour in thing.colours if colour not in unlike | dark)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Random numbers of one element of a world: they do not move when any other element changes."""
    words = [seed, *(name if isinstance(name, int) else int.from_bytes(name.encode()[:8], "little") for name in names)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
