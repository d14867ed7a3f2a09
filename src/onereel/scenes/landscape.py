"""Painters of backgrounds: skies with clouds, hazy ridges, fields, woods. Each returns a raster for a `Sheet`."""

from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array
from onereel.scenes.colours import mix, ramp, rgb, smoothstep
from onereel.scenes.textures import TEXELS, Raster, random_field, random_line, relief, texel_grid

PERIOD = 3.0  # of background pictures along x: wider than a 16:9 image, in scene units


@dataclass(frozen=True)
class Mood:
    """Light of a scene.

    Attributes:
        name: as the caption says it.
        sky: gradient stops from the top of the image (0) to the horizon (1).
        lit, shade: cloud colours on the sunny side and away from it.
        sun: colour of the sun's disc and glow.
        sun_at: (x, height above the horizon) in scene units.
        haze: what distance fades to.
        light: colour and strength of sunlight on objects.
        ambient: colour and strength of skylight on objects.
        cover: share of the sky that clouds take, about 0..1.
    """

    name: str
    sky: tuple[tuple[float, str], ...]
    lit: str
    shade: str
    sun: str
    sun_at: tuple[float, float]
    haze: str
    light: tuple[str, float]
    ambient: tuple[str, float]
    cover: float

    @property
    def sunlight(self) -> Array:
        """(3,) linear RGB."""
        return rgb(self.light[0]) * self.light[1]

    @property
    def skylight(self) -> Array:
        """(3,) linear RGB."""
        return rgb(self.ambient[0]) * self.ambient[1]

    def light_from(self) -> Array:
        """(3,) unit vector towards the sun: x right, y down, z towards the camera; a low sun is never quite behind."""
        vector = np.array([1.1 * np.sign(self.sun_at[0] or 1), -0.35 - 0.8 * self.sun_at[1], 0.75], np.float32)
        return vector / np.linalg.norm(vector)

    def hazy(self, colour: Array, distance: float, clear: float) -> Array:
        """`colour` seen through the air: half faded at `clear` scene units."""
        return mix(colour, rgb(self.haze), 1 - 0.5 ** (distance / clear))


def paint_sky(rng: np.random.Generator, mood: Mood, horizon: float) -> Raster:
    """Graded sky with a sun, its glow, and two decks of clouds lit from its side; covers everything."""
    height = 1.0
    x, y = texel_grid(PERIOD, 0.0, height)
    picture = np.repeat(ramp(y / horizon, mood.sky), x.shape[1], axis=1)
    aside = (x - mood.sun_at[0] + PERIOD / 2) % PERIOD - PERIOD / 2
    from_sun = np.hypot(aside, (y - horizon + mood.sun_at[1]) * 1.25)
    picture += rgb(mood.sun) * (0.55 * np.exp(-from_sun / 0.16) + 0.25 * np.exp(-from_sun / 0.5))[..., None]
    disc = 1 - smoothstep(0.018, 0.032, np.hypot(aside, y - horizon + mood.sun_at[1]))
    picture = mix(picture, mix(rgb(mood.sun), rgb("#ffffff"), 0.55) * 3, disc)
    near_sun = np.exp(-from_sun / 0.45)
    for deck in (_low_clouds(rng, y, horizon, mood.cover), _high_clouds(rng, y, horizon, mood.cover)):
        _lay_clouds(picture, deck, mood, aside, near_sun)
    return Raster(picture.astype(np.float32), PERIOD, 0.0, height)


def _high_clouds(rng: np.random.Generator, y: Array, horizon: float, cover: float) -> Array:
    """Thickness of big clouds in the upper sky; negative where there are none."""
    bulk = random_field(rng, PERIOD, 1.0, slope=2.35, stretch=2.2, coarsest=0.34, finest=0.003)
    puffs = random_field(rng, PERIOD, 1.0, slope=2.2, stretch=1.3, coarsest=0.06, finest=0.004)
    above = 2.5 * (1 - smoothstep(1.05, 0.55, y / horizon))
    return bulk + 0.16 * puffs + 2.4 * (cover - 0.62) - above


def _low_clouds(rng: np.random.Generator, y: Array, horizon: float, cover: float) -> Array:
    """Thickness of thin long banks near the horizon, where clouds are far away."""
    bulk = random_field(rng, PERIOD, 1.0, slope=2.2, stretch=6.0, coarsest=0.12, finest=0.003)
    band = 2.2 * (1 - np.exp(-(((y / horizon - 0.76) / 0.2) ** 2)))
    return bulk + 2.0 * (cover - 0.75) - band


def _lay_clouds(picture: Array, thick: Array, mood: Mood, aside: Array, near_sun: Array) -> None:
    """Blend a deck of clouds into the sky: bright on the side of the sun and at thin edges, dark where it is thick."""
    cover = smoothstep(0.0, 0.9, thick)
    body = np.maximum(thick, 0)
    leftwards = 0.5 + 0.5 * np.tanh(aside / 0.2)  # where the sun is to the left
    lit = 0.80 - 0.42 * np.minimum(body, 1.5) + 0.3 * near_sun
    for reach, strength in ((0.010, 0.8), (0.035, 0.5)):  # shading of puffs and of whole clouds
        step = round(reach * TEXELS)
        beside = leftwards * np.roll(body, step, axis=1) + (1 - leftwards) * np.roll(body, -step, axis=1)
        below = np.roll(body, -step, axis=0)
        lit += strength * np.clip(body - 0.6 * beside - 0.4 * below, -0.4, 0.4)
    colour = mix(rgb(mood.shade), rgb(mood.lit), np.clip(lit, 0, 1))
    colour = colour + rgb(mood.sun) * (0.30 * near_sun * np.exp(-2 * body))[..., None]
    picture += (colour - picture) * (0.95 * cover)[..., None]


@dataclass(frozen=True)
class Ridge:
    """A line of hills.

    Attributes:
        top: mean height of the crest, y in the image.
        swell: standard deviation of the crest, scene units.
        length: size of its largest features along x.
        rough: exponent of the crest's spectrum: 2.5 rolling, 1.6 rocky.
    """

    top: float
    swell: float
    length: float
    rough: float = 2.4


def crest_line(rng: np.random.Generator, ridge: Ridge) -> Array:
    """(columns,) y of the crest at every texel column."""
    return ridge.top - ridge.swell * random_line(rng, PERIOD, slope=ridge.rough, coarsest=ridge.length)


def _below_crest(crest: Array, top: float, height: float) -> tuple[Array, Array]:
    """Depth below the crest (rows, columns) in scene units, and coverage that falls over two texels."""
    below = texel_grid(PERIOD, top, height)[1] - crest[None, :]
    return below, np.clip(0.5 + below * (TEXELS / 2), 0, 1)


def paint_hills(
    rng: np.random.Generator, mood: Mood, ridge: Ridge, *, away: float, ground: tuple[str, str], clear: float
) -> Raster:
    """A hazy hill: soft relief, meadows between the two `ground` colours, tufts of trees, mist at its foot."""
    crest = crest_line(rng, ridge)
    top = float(crest.min()) - 0.02
    height = 1.02 - top
    below, coverage = _below_crest(crest, top, height)
    size = ridge.length
    field = random_field(rng, PERIOD, height, slope=1.9, stretch=2.5, coarsest=0.25 * size)
    patches = random_field(rng, PERIOD, height, slope=1.3, stretch=4.0, coarsest=0.06 * size)
    trees = random_field(rng, PERIOD, height, slope=0.7, stretch=1.3, coarsest=0.012 + 0.01 * size)
    colour = mix(rgb(ground[0]), rgb(ground[1]), smoothstep(-1.2, 1.2, field + 0.6 * patches))
    colour = mix(colour, rgb(ground[0]) * 0.4, 0.85 * smoothstep(0.55, 1.0, trees + 0.55 * patches - 0.2 * field))
    side = float(np.sign(mood.sun_at[0] or 1))
    lit = relief(field + 0.25 * patches + 0.2 * trees - below * (0.7 / ridge.swell), (side, -0.8), 0.13)
    colour = colour * (mood.skylight + mood.sunlight * lit[..., None])
    rim = np.exp(-np.maximum(below, 0) / 0.012)
    colour = colour + mood.sunlight * (0.10 * rim)[..., None] * rgb(ground[1])
    mist = 0.35 * smoothstep(0.0, 0.16, below)
    colour = mood.hazy(mix(colour, rgb(mood.haze), mist * min((away / 30) ** 2, 1)), away, clear)
    return Raster(np.concatenate([colour, coverage[..., None]], axis=-1).astype(np.float32), PERIOD, top, height)


def paint_mountains(
    rng: np.random.Generator, mood: Mood, *, foot: float, tall: float, snow: float, haze: float
) -> Raster:
    """A rocky range lit from the sun's side, wooded below and white above.

    Args:
        rng: source of the rocks.
        mood: the light.
        foot: y of its foot.
        tall: height of its highest peaks, scene units.
        snow: snow line as a share of `tall`; above 1 for none.
        haze: share of haze over it, 0..1.
    """
    massif = random_line(rng, PERIOD, slope=2.6, coarsest=0.8)
    # Folding a line at zero makes peaks sharp and leaves valleys round.
    peaks = sum(
        (0.8 - np.abs(random_line(rng, PERIOD, slope=2.4, coarsest=size))) * share
        for size, share in ((0.45, 0.22), (0.16, 0.11), (0.05, 0.035))
    )
    crest = foot - tall * np.maximum(0.55 + 0.10 * massif + peaks, 0.1)
    top = float(crest.min()) - 0.01
    height = foot + 0.03 - top
    below, coverage = _below_crest(crest, top, height)
    gullies = random_field(rng, PERIOD, height, slope=2.1, stretch=0.6, coarsest=0.5 * tall)
    rock = random_field(rng, PERIOD, height, slope=1.5, coarsest=0.15 * tall)
    side = float(np.sign(mood.sun_at[0] or 1))
    # Faces: each flank of the crest leads down into a face that is lit or in shade, bent by the gullies.
    flank = (np.roll(crest, -3) - np.roll(crest, 3)) * (TEXELS / 6)
    bent = np.arange(crest.size)[None, :] + (0.12 * tall * TEXELS) * gullies * np.clip(4 * below / tall, 0, 1)
    faces = flank[np.round(bent).astype(int) % crest.size] * side
    lit = np.clip(
        0.48 + 0.36 * np.tanh(1.2 * faces) + 0.5 * (relief(gullies + 0.12 * rock, (side, -0.4), 0.12) - 0.5), 0, 1
    )
    share = (foot - texel_grid(PERIOD, top, height)[1]) / tall  # 0 at the foot, 1 at the highest peak
    colour = mix(rgb("#6d6a70"), rgb("#8f857c"), smoothstep(-1, 1, rock))
    colour = mix(rgb("#3c5a42"), colour, smoothstep(0.22, 0.42, share + 0.05 * gullies))
    colour = mix(colour, rgb("#f3f5fa"), smoothstep(-0.04, 0.05, share - snow + 0.07 * gullies + 0.06 * (lit - 0.5)))
    colour = colour * (mood.skylight + mood.sunlight * lit[..., None])
    colour = mix(colour, rgb(mood.haze), np.clip(haze + 0.4 * smoothstep(0.35, 0.0, share), 0, 1))
    return Raster(np.concatenate([colour, coverage[..., None]], axis=-1).astype(np.float32), PERIOD, top, height)
