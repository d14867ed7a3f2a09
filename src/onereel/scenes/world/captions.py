"""Captions: one world in many words, and for every word of weight the attribute that it tells."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onereel.scenes.words import number
from onereel.scenes.world.kinds import KINDS
from onereel.scenes.world.spec import Group, WorldSpec, hidden_attributes, stream

_COLOURS = {"grey": ("grey", "gray"), "purple": ("purple", "violet")}
_SIZES = {"small": ("small", "little"), "large": ("large", "big")}
_SPEEDS = {"slow": ("slowly",), "fast": ("quickly", "fast")}
_GOING = {
    "left": ("moving left", "going to the left", "heading left"),
    "right": ("moving right", "going to the right", "heading right"),
    "up": ("rising", "moving up", "going upwards"),
    "down": ("sinking", "moving down", "going downwards"),
    "still": ("staying still", "not moving", "keeping still"),
}
_FLYING: dict[str, tuple[str, ...]] = {
    "left": ("flying left", "flying to the left"),
    "right": ("flying right", "flying to the right"),
}
_VERBS: dict[str, dict[str, tuple[str, ...]]] = {
    "bird": _FLYING,
    "plane": _FLYING,
    "butterfly": _FLYING,
    "balloon": {
        "left": ("drifting left", "floating to the left"),
        "right": ("drifting right", "floating to the right"),
    },
    "cloud": {"left": ("drifting left",), "right": ("drifting right",)},
    "kite": _FLYING,
    "fish": {"left": ("swimming left", "swimming to the left"), "right": ("swimming right", "swimming to the right")},
    "boat": {"left": ("sailing left", "sailing to the left"), "right": ("sailing right", "sailing to the right")},
    "car": {"left": ("driving left", "driving to the left"), "right": ("driving right", "driving to the right")},
    "person": {"left": ("walking left", "walking to the left"), "right": ("walking right", "walking to the right")},
    "ball": {"left": ("rolling left", "rolling to the left"), "right": ("rolling right", "rolling to the right")},
}
_WORLD: dict[str, dict[str, tuple[str, ...]]] = {
    "setting": {
        "sky": ("in the open sky", "high in the sky"),
        "land": ("in a green landscape", "in the countryside", "in the hills"),
        "water": ("at sea", "in the ocean", "in the water"),
        "city": ("in the city", "in a city street", "in town"),
    },
    "time": {
        "day": ("by day", "in daylight"),
        "sunset": ("at sunset", "in the evening light"),
        "night": ("at night", "by night"),
    },
    "weather": {
        "clear": ("in clear weather", "in fair weather"),
        "rain": ("in the rain", "in rainy weather"),
        "snow": ("in the snow", "in snowy weather"),
        "fog": ("in fog", "in foggy weather"),
    },
    "camera": {
        "still": ("with a still camera",),
        "pan left": ("as the camera pans left",),
        "pan right": ("as the camera pans right",),
        "zoom in": ("as the camera zooms in",),
        "zoom out": ("as the camera zooms out",),
    },
    "style": {
        "plain": ("a picture of", "an image of"),
        "pencil": ("a pencil sketch of", "a pencil drawing of"),
        "watercolour": ("a watercolour of", "a watercolour painting of"),
        "cartoon": ("a cartoon of", "a cartoon drawing of"),
    },
}
_DULL = {"weather": "clear", "camera": "still", "style": "plain"}  # seldom worth a word
_KEEP, _KEEP_DULL = 0.8, 0.12


@dataclass(frozen=True)
class Caption:
    """A sentence and what it tells.

    Attributes:
        text: starts with a capital, ends with a full stop.
        facts: one dict for every attribute named: `attribute` ("time", or "groups.0.colour"), `value` as in the spec,
            `words` as they stand in the text. Every one of them can be seen in the frames.
    """

    text: str
    facts: tuple[dict[str, Any], ...]


def describe(
    spec: WorldSpec,
    wording: int = 0,
    *,
    name: frozenset[str] | None = None,
    leave: frozenset[str] = frozenset(),
) -> Caption:
    """Put a world into words.

    Args:
        wording: >= 0; another number chooses other words, another order, and other attributes to leave out. The same
            number words two worlds alike as far as they are alike.
        name: attributes that must be named where they can be seen, besides kinds and counts; None names what is of
            interest; to name all that can be seen give `EVERYTHING`.
        leave: attributes that must not be named: give `MOTION` for a single frame.
    """
    must, hidden = name or frozenset(), hidden_attributes(spec) | leave
    facts: list[dict[str, Any]] = []
    rng = stream(spec.seed, "words", wording)
    things = " and ".join(
        _group_words(stream(spec.seed, "words", wording, index), index, group, must, hidden, facts)
        for index, group in enumerate(spec.groups)
    )
    phrases = {}
    for attribute in ("style", "setting", "time", "weather", "camera"):
        chosen, keep = rng.random(2)
        value = getattr(spec, attribute)
        wanted = keep < (_KEEP_DULL if _DULL.get(attribute) == value else _KEEP)
        if attribute in hidden or not (wanted or attribute in must):
            continue
        options = _WORLD[attribute][value]
        phrases[attribute] = options[int(chosen * len(options))]
        facts.append({"attribute": attribute, "value": value, "words": phrases[attribute]})
    return Caption(_sentence(rng, things, phrases), tuple(facts))


EVERYTHING = frozenset({"setting", "time", "weather", "camera", "style", "colour", "size", "direction", "speed"})
"""For `describe(name=…)`."""

MOTION = frozenset({"direction", "speed", "camera"})
"""What one frame does not show; for `describe(leave=…)`."""


def _sentence(rng: np.random.Generator, things: str, phrases: dict[str, str]) -> str:
    """Style, things and circumstances in one of three orders."""
    around = [phrases[attribute] for attribute in ("setting", "time", "weather") if attribute in phrases]
    order, swap = rng.random(2)
    if swap < 0.3:
        around = around[:1] + around[:0:-1]
    camera = f", {phrases['camera']}" if "camera" in phrases else ""
    style = f"{phrases['style']} " if "style" in phrases else ""
    if order < 0.25 and around and not style:
        text = f"{' '.join(around)}, {things}{camera}"
    elif order < 0.4 and not style:
        text = " ".join(["there", "is", things, *around]) + camera
        text = text.replace("there is", "we see", 1)
    else:
        text = f"{style}{' '.join([things, *around])}{camera}"
    return f"{text[0].upper()}{text[1:]}."


def _group_words(
    rng: np.random.Generator, index: int, group: Group, must: frozenset[str], hidden: frozenset[str], facts: list
) -> str:
    """ "two small red balloons drifting slowly to the left"; adds to `facts`."""
    draws = rng.random(10)
    kind = KINDS[group.kind]

    def say(attribute: str, value: Any, options: tuple[str, ...], chosen: float, keep: float = 0.0) -> str:
        if attribute in hidden or (keep >= _KEEP and attribute not in must):
            return ""
        word = options[int(chosen * len(options))]
        facts.append({"attribute": f"groups.{index}.{attribute}", "value": value, "words": word})
        return word

    many = group.count > 1
    noun = say("kind", group.kind, tuple(pair[many] for pair in kind.nouns), draws[0])
    size = say("size", group.size, _SIZES[group.size], draws[1], draws[2])
    colour = say("colour", group.colour, _COLOURS.get(group.colour, (group.colour,)), draws[3], draws[4])
    going = _VERBS.get(group.kind, {}).get(group.direction) or _GOING[group.direction]
    if many and group.direction == "still":
        going = _GOING["still"]
    # A speed is said of a direction only.
    kept = 0.0 if "speed" in must and group.direction != "still" else draws[6]
    way = say("direction", group.direction, going, draws[5], kept)
    speed = ""
    if way and group.direction != "still":
        speed = say("speed", group.speed, _SPEEDS[group.speed], draws[7], draws[8] + 0.3)
    dress = f"in {colour}" if kind.wears and colour else ""
    following = " ".join(filter(None, (size, "" if kind.wears else colour, noun)))
    counted = number(group.count) if many else ("an" if following[0] in "aeiou" else "a")
    facts.append({"attribute": f"groups.{index}.count", "value": group.count, "words": counted})
    return " ".join(filter(None, (counted, following, dress, way, speed)))
