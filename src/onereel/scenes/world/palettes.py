"""Colours of things and of the world around them, by time of day and weather.

Light is reckoned as the square of the 8-bit value: close to linear light, and a root away from the picture.
"""

from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array


def light_of(code: str) -> Array:
    """``"#rrggbb"`` -> (3,) light, 0..1."""
    return (np.array([int(code[index : index + 2], 16) for index in (1, 3, 5)]) / 255.0) ** 2


_PAINTS = {
    "red": "#d9252b", "orange": "#f5811f", "yellow": "#f9d423", "green": "#2fa84f", "blue": "#2463d6",
    "purple": "#8436b8", "pink": "#f274ae", "white": "#f7f7f5", "grey": "#9aa0a8",
}  # fmt: skip


@dataclass(frozen=True)
class Mood:
    """Light and background colours at one time of day, hex.

    Attributes:
        sky: at the top, in the middle and at the horizon.
        light: what falls on things.
        haze: of fog and of far hills.
        grass, sand, street: near and far.
        water: at the surface and in the depth.
        towers: of the near and the far skyline.
        lit: share of windows with a light.
        glass: of windows and panes.
    """

    sky: tuple[str, str, str]
    light: tuple[float, float, float]
    haze: str
    grass: tuple[str, str]
    sand: tuple[str, str]
    street: tuple[str, str]
    water: tuple[str, str]
    towers: tuple[str, str]
    lit: float
    glass: str


MOODS = {
    "day": Mood(
        ("#4f9fe0", "#8cc5ee", "#d6ecf6"), (1.0, 1.0, 1.0), "#dfe8ec", ("#5f9f3f", "#9cc46a"), ("#d9bd83", "#e8d5a6"),
        ("#777c84", "#a4a8ad"), ("#3fb4cf", "#12507f"), ("#8b93a5", "#b5c2d1"), 0.0, "#bfe4f4",
    ),
    "sunset": Mood(
        ("#5b4a8c", "#d9728a", "#ffbe6b"), (1.0, 0.84, 0.74), "#e9ad92", ("#6d6f35", "#b98f56"), ("#bd8c66", "#d9ab7c"),
        ("#6b5a66", "#a3808a"), ("#c9788a", "#352f63"), ("#5e4a70", "#9a6c87"), 0.35, "#ffd98a",
    ),
    "night": Mood(
        ("#0b1030", "#16224d", "#2b3a6b"), (0.62, 0.66, 0.86), "#36426b", ("#1b3530", "#24433f"),
        ("#3d4058", "#4b4f6b"), ("#2b2f40", "#3a4058"), ("#1d3f6b", "#080f2b"), ("#1c2340", "#242d52"), 0.5, "#ffd76a",
    ),
}  # fmt: skip

_SLOTS = ("#fbfbf8", "#1f1d24", "#8a5a34", "#f0c39c")  # white, black, wood, skin


def thing_colours(colour: str, mood: Mood, *, glows: bool, dim: float) -> Array:
    """(10, 3) light of a thing's colour slots (see `shapes`), lit by the mood."""
    main = light_of(_PAINTS[colour])
    lamp = np.ones(3) if glows else np.array(mood.light) * dim
    pale, deep = main + (1 - main) * 0.5, main * (0.40 if colour != "white" else 0.72)
    fixed = [light_of(code) for code in _SLOTS]
    lit = [main, pale, deep, *fixed]
    glass, fire, grey = light_of(mood.glass), light_of("#ffb02e"), light_of("#b9bec6")
    glow = 1.0 if mood.lit else 0.9
    return np.stack([*(tone * lamp for tone in lit), glass * glow, fire, grey * lamp])


def weathered_sky(mood: Mood, weather: str) -> Array:
    """(3, 3) light of the sky at the top, in the middle and at the horizon."""
    stops = np.stack([light_of(code) for code in mood.sky])
    cover = light_of(mood.haze) * (0.45 if weather == "rain" else 0.9)
    share = {"clear": 0.0, "rain": 0.72, "snow": 0.6, "fog": 0.8}[weather]
    return stops + (cover - stops) * share


def haze_of(mood: Mood, weather: str) -> Array:
    """(3,) light of what hides far things."""
    return light_of(mood.haze) * (0.55 if weather == "rain" else 1.0)
