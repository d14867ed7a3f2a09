"""Scene `balloons`: hot-air balloons at several distances drift over hazy hills."""

import math
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Box, Layer, Moved, World
from onereel.scenes.colours import mix, rgb, smoothstep
from onereel.scenes.landscape import Mood, Ridge, paint_hills, paint_sky
from onereel.scenes.sheets import Sheet
from onereel.scenes.words import count, listed

_TANGENT = 0.58  # where the round crown passes into the cone, in envelope radii below the equator
_MOUTH = 1.46  # lower edge of the envelope
_MOUTH_HALF = 0.16
_BASKET = (1.74, 1.98, 0.125)  # top, bottom, half width
_RADIUS = 0.56  # of an envelope, scene units
_NEAR_HILL = 10.0  # distance of the nearest hill
_REPEAT = 3.2  # spacing at which a balloon comes again, scene units
_CLEAR = 42.0  # distance at which haze hides half

_MOODS = (
    Mood(
        "at sunrise",
        ((0.0, "#2f5b95"), (0.35, "#7297c0"), (0.62, "#d9b7a6"), (0.85, "#f6c98f"), (1.0, "#fbdca6")),
        "#fff0d8", "#8f86a6", "#ffc069", (0.42, 0.10), "#dfbdab", ("#ffd9a6", 0.95), ("#a8b6d8", 0.55), 0.50,
    ),
    Mood(
        "on a clear morning",
        ((0.0, "#2a6fb8"), (0.45, "#6fa8dc"), (0.8, "#b9d8ee"), (1.0, "#e2eef2")),
        "#ffffff", "#9fb2cb", "#fff3d0", (-0.62, 0.42), "#c6dbe8", ("#fff2da", 1.0), ("#b5cdea", 0.55), 0.42,
    ),
    Mood(
        "at sunset",
        ((0.0, "#2b3a78"), (0.3, "#6a5a9c"), (0.58, "#c9769a"), (0.82, "#f79a6b"), (1.0, "#ffcf7d")),
        "#ffc49a", "#6d5484", "#ff9a4a", (-0.35, 0.07), "#d99a8c", ("#ffc08a", 0.95), ("#9d92c4", 0.55), 0.55,
    ),
)  # fmt: skip

_GROUNDS = (("#33682f", "#9fa548"), ("#3f7a34", "#bdb055"), ("#2c5f38", "#86a84e"))

_PALETTES = (
    ("red", ("#c8202c", "#f4b81c", "#16306e")),
    ("orange", ("#e8641b", "#fbe3b3", "#8a1c3b")),
    ("yellow", ("#f6c21a", "#d92f2a", "#f4f0e6")),
    ("green", ("#1f8a54", "#f3e29a", "#0f4d5c")),
    ("blue", ("#1f57b5", "#f2f4f8", "#f2a51f")),
    ("purple", ("#6a2c91", "#f07fa8", "#f8d24a")),
    ("turquoise", ("#149aa0", "#f7efe0", "#e2573f")),
    ("pink", ("#e0457b", "#fbd7c5", "#7d2a78")),
)
_PATTERNS = ("striped", "zigzag", "banded", "spiral", "checked")


def _half_width(v: Array) -> Array:
    """Half width of the envelope at height v (radii, down from the equator): a circle, then a slightly hollow cone."""
    at_tangent = math.sqrt(1 - _TANGENT**2)
    crown = np.sqrt(np.clip(1 - v * v, 0, 1))
    down = np.clip((v - _TANGENT) / (_MOUTH - _TANGENT), 0, 1)
    slope = _TANGENT / at_tangent * (_MOUTH - _TANGENT)
    end = slope - 2 * (slope + _MOUTH_HALF - at_tangent)  # quadratic: value and slope meet the circle, value the mouth
    cone = at_tangent - slope * down + 0.5 * (slope - end) * down * down
    return np.where(v < _TANGENT, crown, cone)


@dataclass(frozen=True)
class Balloon:
    """A hot-air balloon with ropes, a basket and its passengers.

    Attributes:
        name: key of its mask.
        away: distance, scene units.
        radius: of the envelope in the image, scene coordinates.
        start: centre of the envelope at time 0.
        drift: scene coordinates per second along x.
        bob: (amplitude, seconds per cycle, phase) of its rise and fall.
        spin: radians per second about the vertical.
        pattern: one of `_PATTERNS`.
        colours: three (3,) linear RGB.
        panels: gores around the envelope.
        mood: the light.
    """

    name: str
    away: float
    radius: float
    start: tuple[float, float]
    drift: float
    bob: tuple[float, float, float]
    spin: float
    pattern: str
    colours: tuple[Array, Array, Array]
    panels: int
    mood: Mood
    period: float = _REPEAT

    def distance(self, time: float) -> float:
        """The farthest point: the limb of the envelope."""
        return self.away

    def centre(self, time: float) -> tuple[float, float]:
        """Centre of the envelope in scene coordinates."""
        amplitude, seconds, phase = self.bob
        return self.start[0] + self.drift * time, self.start[1] + amplitude * math.sin(
            math.tau * time / seconds + phase
        )

    def bounds(self, time: float) -> Box:
        """From the crown to the basket."""
        (x, y), radius = self.centre(time), self.radius
        return Box(x - 1.02 * radius, y - 1.02 * radius, x + 1.02 * radius, y + (_BASKET[1] + 0.02) * radius)

    def _local(self, x: Array, y: Array, time: float) -> tuple[Array, Array]:
        """Coordinates in radii from the envelope's centre, of the nearest copy."""
        at_x, at_y = self.centre(time)
        u = (x - np.float32(math.fmod(at_x, self.period)) + np.float32(self.period / 2)) % np.float32(
            self.period
        ) - np.float32(self.period / 2)
        return u / np.float32(self.radius), (y - np.float32(at_y)) / np.float32(self.radius)

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Union of envelope, ropes, basket and passengers."""
        u, v = np.broadcast_arrays(*self._local(x, y, time))
        return self.radius * np.minimum(_envelope(u, v), _gondola(u, v))

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """Fabric above the mouth, wicker below."""
        u, v = np.broadcast_arrays(*self._local(x, y, time))
        colour = np.empty((*u.shape, 3), np.float32)
        above = v < _MOUTH + 0.06
        colour[above] = self._fabric(u[above], v[above], time)
        colour[~above] = self._wicker(u[~above], v[~above])
        return self.mood.hazy(colour, self.away, _CLEAR)

    def _fabric(self, u: Array, v: Array, time: float) -> Array:
        """Panels with seams and bulges, lit by sun and sky, glowing a little where the light shines through."""
        width = np.maximum(_half_width(np.minimum(v, _MOUTH)), 1e-3)
        longitude = np.arcsin(np.clip(u / width, -1, 1))
        around = ((longitude + self.spin * time) / math.tau * self.panels) % self.panels
        panel, within = np.floor(around).astype(int) % self.panels, around % 1 - 0.5
        ring = (np.clip((v + 1) / (_MOUTH + 1), 0, 0.999)) * 11
        colour = np.stack(self.colours)[self._motif(panel, np.floor(ring).astype(int))]
        bulged = longitude + 0.9 * within * math.tau / self.panels  # each gore is rounder than the whole
        lean = (_half_width(v - 0.01) - _half_width(v + 0.01)) / 0.02
        normal = np.stack([np.sin(bulged), -np.where(v < -0.97, 1.0, -lean), np.cos(bulged)], axis=-1)
        normal /= np.sqrt(1 + np.minimum(lean, 9)[..., None] ** 2)
        facing = np.clip(normal @ self.mood.light_from(), -1, 1)
        sun, sky = np.clip(0.28 + 0.72 * facing, 0, 1), 0.62 - 0.38 * np.clip(normal[..., 1], -1, 1)
        seam = 1 - 0.28 * smoothstep(0.40, 0.5, np.abs(within)) - 0.10 * smoothstep(0.42, 0.5, np.abs(ring % 1 - 0.5))
        glow = 0.16 * np.exp(-(((v - 0.9) / 0.55) ** 2))  # light through the thin cloth around the mouth
        light = self.mood.sunlight * sun[..., None] + self.mood.skylight * sky[..., None] + glow[..., None]
        colour = colour * light * seam[..., None]
        skirt = smoothstep(_MOUTH - 0.05, _MOUTH - 0.03, v)
        return mix(colour, rgb("#3a2a26") * light, skirt)

    def _motif(self, panel: Array, ring: Array) -> Array:
        """Index of the colour of every panel and ring."""
        match self.pattern:
            case "striped":
                chosen = panel // 2
            case "zigzag":
                chosen = ring + np.minimum(panel % 4, 4 - panel % 4)
            case "banded":
                chosen = np.select([ring < 2, (ring > 3) & (ring < 6)], [2, 1], 0)
            case "spiral":
                chosen = (panel + ring) // 2
            case _:
                chosen = (panel // 2 + ring // 2) % 2
        return chosen % 3

    def _wicker(self, u: Array, v: Array) -> Array:
        """Woven basket with a leather rim, dark ropes, passengers."""
        weave = 0.82 + 0.18 * np.sign(np.sin(u * 75) * np.sin(v * 75))
        colour = rgb("#8a5a2e") * weave[..., None]
        colour = mix(colour, rgb("#4a2d1c"), smoothstep(0.02, 0.0, np.abs(v - _BASKET[0] - 0.015) - 0.02))
        colour = np.where((v < _BASKET[0])[..., None], rgb("#3b2f2b"), colour)
        light = (
            self.mood.skylight * 0.9
            + self.mood.sunlight * np.clip(0.45 + 2.5 * u * self.mood.light_from()[0], 0.1, 1)[..., None]
        )
        return colour * light

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """The envelope bulges towards the camera by its own radius; ropes and basket hang in the plane of its axis."""
        u, v = np.broadcast_arrays(*self._local(x, y, time))
        width = _half_width(np.clip(v, -1, _MOUTH))
        bulge = np.sqrt(np.clip(width * width - u * u, 0, None)) * (v <= _MOUTH)
        return (self.away * (1 - self.radius * bulge)).astype(np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """The drift of the whole, and the cloth's turn about the axis, which takes points over the limb."""
        u, v = np.broadcast_arrays(*self._local(x, y, time))
        (x0, y0), (x1, y1) = self.centre(time), self.centre(later)
        width = np.maximum(_half_width(np.clip(v, -1, _MOUTH)), 1e-6)
        longitude = np.arcsin(np.clip(u / width, -1, 1)) - self.spin * (later - time)
        cloth = _envelope(u, v) < 0
        turned = np.where(cloth, width * np.sin(longitude) - u, 0)
        seen = ~cloth | (np.abs(longitude) < math.pi / 2)
        return Moved((x + (x1 - x0) + turned * self.radius).astype(np.float32), (y + np.float32(y1 - y0)) + 0 * u, seen)


def _envelope(u: Array, v: Array) -> Array:
    """Signed distance to the envelope, in radii."""
    round_part = np.hypot(u, v) - 1
    down = np.clip(v, _TANGENT, _MOUTH)
    lean = (_half_width(down + 0.01) - _half_width(down - 0.01)) / 0.02
    cone = (np.abs(u) - _half_width(down)) / np.sqrt(1 + lean * lean)
    return np.where(v < _TANGENT, round_part, np.maximum(cone, v - _MOUTH))


def _gondola(u: Array, v: Array) -> Array:
    """Signed distance to ropes, basket and passengers, in radii."""
    top, bottom, half = _BASKET
    share = (v - _MOUTH) / (top - _MOUTH)
    outer = np.abs(np.abs(u) - (_MOUTH_HALF - 0.01 + (half - 0.01 - _MOUTH_HALF + 0.01) * share)) - 0.011
    ropes = np.maximum(outer, np.maximum(_MOUTH - 0.02 - v, v - top))
    taper = half - 0.03 * (v - top) / (bottom - top)
    basket = np.maximum(np.abs(u) - taper, np.maximum(top - v, v - bottom))
    heads = np.minimum(np.hypot(u + 0.055, v - top + 0.035), np.hypot(u - 0.05, v - top + 0.045)) - 0.034
    bodies = np.maximum(
        np.minimum(np.abs(u + 0.055), np.abs(u - 0.05)) - 0.036, np.maximum(top - 0.03 - v, v - top - 0.02)
    )
    return np.minimum(np.minimum(ropes, basket), np.minimum(heads, bodies))


def build(rng: np.random.Generator) -> World:
    """The world of one seed."""
    mood = _MOODS[int(rng.integers(len(_MOODS)))]
    pan = float(rng.uniform(0.10, 0.16) * rng.choice([-1, 1]))  # camera's sideways motion, scene units per second
    layers: list[Layer] = [Sheet("sky", 400.0, paint_sky(rng, mood, 0.8), -pan * 0.1), *_hills(rng, mood, pan)]
    balloons = _fleet(rng, mood, pan)
    facts = [
        {
            "name": balloon.name,
            "kind": "balloon",
            "colour": colour,
            "pattern": balloon.pattern,
            "distance": balloon.away,
            "radius": balloon.radius,
            "velocity": [balloon.drift, 0.0],
        }
        for balloon, colour in balloons
    ]
    colours = listed(list(dict.fromkeys(colour for _, colour in balloons))[:4])
    caption = f"{count(len(balloons), 'hot-air balloon')} in {colours} drift over rolling hills {mood.name}."
    return World((*layers, *(balloon for balloon, _ in balloons)), caption, {"setting": mood.name, "objects": facts})


def _hills(rng: np.random.Generator, mood: Mood, pan: float) -> list[Layer]:
    """Four ridges, the nearer the lower, larger, clearer and faster."""
    ground = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
    ridges = (
        (60.0, Ridge(0.735, 0.022, 0.5, 1.9)),
        (32.0, Ridge(0.79, 0.020, 0.7, 2.2)),
        (18.0, Ridge(0.85, 0.022, 0.9, 2.4)),
        (_NEAR_HILL, Ridge(0.925, 0.022, 1.1, 2.4)),
    )
    return [
        Sheet(
            f"hills_{index}", away, paint_hills(rng, mood, ridge, away=away, ground=ground, clear=_CLEAR), -pan / away
        )
        for index, (away, ridge) in enumerate(ridges, 1)
    ]


def _fleet(rng: np.random.Generator, mood: Mood, pan: float) -> list[tuple[Balloon, str]]:
    """Six to nine balloons of one real size, spread over the sky and over distances."""
    number = int(rng.integers(6, 10))
    ways = _apart(np.geomspace(3.4, 17, number) * rng.uniform(0.92, 1.08, number))
    slots = _spread(rng, number)
    order = rng.permutation(len(_PALETTES))
    wind = -math.copysign(float(rng.uniform(0.08, 0.16)), pan)  # against the camera: the two motions add up
    fleet = []
    for index, away in enumerate(ways):
        colour, codes = _PALETTES[order[index % len(_PALETTES)]]
        radius = _RADIUS / away
        low, high = 0.06 + radius, 0.80 - 1.9 * radius + 0.03
        shade = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
        balloon = Balloon(
            name=f"balloon_{index + 1}",
            away=float(away),
            radius=float(radius),
            start=(float(slots[index]), float(low + (high - low) * rng.beta(1.3, 1.3))),
            drift=float((wind * rng.uniform(0.7, 1.3) - pan) / away * 1.5),
            bob=(float(0.12 / away), float(rng.uniform(9, 16)), float(rng.uniform(0, math.tau))),
            spin=float(rng.uniform(-0.25, 0.25)),
            pattern=str(rng.choice(_PATTERNS)),
            colours=tuple(rgb(codes[channel]) for channel in shade),  # type: ignore[arg-type]
            panels=24,
            mood=mood,
        )
        fleet.append((balloon, colour))
    return fleet


def _apart(ways: Array) -> list[float]:
    """Distances in rising order, so far apart that no balloon's front reaches before a nearer thing's back."""
    room, placed = 1.05 * _RADIUS, [0.0]
    for away in np.sort(ways):
        away = max(float(away), placed[-1] + room)
        placed.append(_NEAR_HILL + room if _NEAR_HILL <= away < _NEAR_HILL + room else away)
    return placed[1:]


def _spread(rng: np.random.Generator, number: int) -> Array:
    """x of every balloon at time 0: one per equal slot, so that no picture starts empty, in random order."""
    slots = (np.arange(number) + rng.uniform(0.15, 0.85, number)) / number
    return (rng.permutation(slots) - 0.5) * 1.9
