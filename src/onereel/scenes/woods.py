"""Painters of trees: single ones grown onto a raster, from far to near."""

from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array
from onereel.scenes.colours import mix, rgb, smoothstep
from onereel.scenes.landscape import PERIOD, Mood
from onereel.scenes.textures import TEXELS, Raster, random_field, texel_grid


@dataclass(frozen=True)
class Tree:
    """One tree of a picture.

    Attributes:
        x: of its stem.
        foot: y of its foot.
        height: scene coordinates.
        conifer: a cone of drooping branches; else a round crown on a stem.
        tint: (3,) linear RGB of its leaves.
    """

    x: float
    foot: float
    height: float
    conifer: bool
    tint: Array


def paint_trees(
    rng: np.random.Generator, mood: Mood, trees: list[Tree], *, away: float, clear: float, turf: str | None
) -> Raster:
    """Trees at one distance, with their coverage.

    Args:
        rng: source of the leaves.
        mood: the light.
        trees: drawn in the order of their feet, lowest last.
        away, clear: distance, and where haze hides half (see `Mood.hazy`).
        turf: colour of an undergrowth that covers the row of feet; None for free-standing trees.
    """
    top = min(tree.foot - tree.height for tree in trees) - 0.02
    height = max(tree.foot for tree in trees) + 0.012 - top
    x, y = texel_grid(PERIOD, top, height)
    picture = np.zeros((y.shape[0], x.shape[1], 4), np.float32)
    picture[..., :3] = np.mean([tree.tint for tree in trees], axis=0) * 0.4 * (mood.skylight + 0.4 * mood.sunlight)
    leaves = random_field(rng, PERIOD, height, slope=1.0, coarsest=0.02)
    if turf:
        _grow_turf(picture, x, y, trees, leaves, rgb(turf) * (mood.skylight + 0.5 * mood.sunlight))
    for tree in sorted(trees, key=lambda tree: tree.foot):
        _grow(rng, picture, tree, top, leaves, mood)
    picture[..., :3] = mood.hazy(picture[..., :3], away, clear)
    return Raster(picture, PERIOD, top, height)


def _grow_turf(picture: Array, x: Array, y: Array, trees: list[Tree], leaves: Array, colour: Array) -> None:
    """A ragged low hedge along the feet."""
    order = sorted(trees, key=lambda tree: tree.x)
    foot = np.interp(x[0], [tree.x for tree in order], [tree.foot for tree in order], period=PERIOD)
    tall = np.interp(x[0], [tree.x for tree in order], [tree.height for tree in order], period=PERIOD)
    above = foot - y - 0.22 * tall * (0.8 + 0.4 * leaves)
    inside = np.clip(0.5 - above * TEXELS / 2, 0, 1) * np.clip(0.5 - (y - foot - 0.006) * TEXELS / 2, 0, 1)
    tone = colour * (0.55 + 0.25 * np.tanh(leaves))[..., None]
    picture[..., :3] = mix(picture[..., :3], tone, inside)
    picture[..., 3] = np.maximum(picture[..., 3], inside)


def _grow(rng: np.random.Generator, picture: Array, tree: Tree, top: float, leaves: Array, mood: Mood) -> None:
    """Draw one tree into its window of the picture, around the torus."""
    reach = tree.height * (0.30 if tree.conifer else 0.5)
    rows = np.arange(max(int((tree.foot - tree.height - top) * TEXELS) - 1, 0), int((tree.foot - top) * TEXELS) + 1)
    columns = np.arange(int((tree.x - reach) * TEXELS) - 1, int((tree.x + reach) * TEXELS) + 2)
    u = ((columns + 0.5) / TEXELS - tree.x)[None, :] / tree.height
    v = ((rows + 0.5) / TEXELS + top - tree.foot)[:, None] / tree.height + 1  # 0 at the top, 1 at the foot
    window = rows[:, None], columns[None, :] % picture.shape[1]
    grain = leaves[window]
    side = float(np.sign(mood.sun_at[0] or 1))
    cover, lit = (_conifer if tree.conifer else _crown)(rng, u, v, grain, side)
    soft = np.clip(0.5 - cover * tree.height * TEXELS / 2, 0, 1)
    light = mood.skylight * (0.55 + 0.25 * lit)[..., None] + mood.sunlight * (lit**1.5)[..., None]
    colour = tree.tint * light * (1 + 0.22 * np.tanh(grain))[..., None]
    if not tree.conifer:
        colour = mix(colour, rgb("#3b2c22") * light, smoothstep(0.66, 0.74, v) * np.ones_like(u))
    old = picture[window]
    picture[window] = np.concatenate(
        [mix(old[..., :3], colour, soft), np.maximum(old[..., 3], soft)[..., None]], axis=-1
    )


def _conifer(rng: np.random.Generator, u: Array, v: Array, grain: Array, side: float) -> tuple[Array, Array]:
    """(signed distance in tree heights, light 0..1) of tiers of branches that droop and widen downwards."""
    tiers = rng.uniform(6, 9)
    tier = (v * tiers + rng.uniform(0, 1) + 2.2 * np.abs(u)) % 1
    width = 0.20 * np.clip(v, 0, 1) ** 0.9 * (0.66 + 0.42 * tier) + 0.012 * grain
    lit = np.clip(0.42 + 1.7 * side * u / 0.2 * 0.30 - 0.35 * (1 - tier) + 0.10 * grain, 0.05, 1)
    return np.maximum(np.abs(u) - width, v - 1), lit


def _crown(rng: np.random.Generator, u: Array, v: Array, grain: Array, side: float) -> tuple[Array, Array]:
    """The same for a crown of round clumps, each lit like a ball, on a stem."""
    cover = np.maximum(np.abs(u) - 0.014 - 0.012 * v, np.abs(v - 0.70) - 0.30)
    lit = np.full(cover.shape, 0.3)
    for index in range(14):
        angle, reach = rng.uniform(0, 2 * np.pi), 0.26 * np.sqrt(rng.uniform(0, 1))
        at_u, at_v = reach * np.cos(angle), 0.40 + 1.05 * reach * np.sin(angle) + 0.012 * index - 0.08
        size = rng.uniform(0.10, 0.17)
        du, dv = (u - at_u) / size, (v - at_v) / size
        ball = (np.hypot(du, dv) - 1 + 0.16 * grain) * size
        shade = np.clip(0.45 + 0.38 * (side * 0.7 * du - 0.8 * dv) + 0.12 * grain, 0.05, 1)
        lit = np.where(ball < 0, shade, lit)
        cover = np.minimum(cover, ball)
    return cover, lit
