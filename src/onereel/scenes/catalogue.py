"""The scenes by name, and the text form in which sheets ask for them."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.scenes import balloons, birds, discs, sketch, water
from onereel.scenes.base import Scene, World
from onereel.scenes.renderer import render_world

_BUILDERS: dict[str, Callable[[np.random.Generator], World]] = {
    "balloons": balloons.build,
    "birds": birds.build,
    "discs": discs.build,
    "sketch": sketch.build,
    "water": water.build,
}
_WORLD = "world"  # has its own renderer
_SMALLEST = 8  # pixels, each side
_LARGEST = 2_000_000_000  # bytes of a rendered scene
_FASTEST = 1000  # frames per second
_DEFAULTS = {"seed": 0, "frames": 24, "height": 144, "width": 256}


def scene_names() -> tuple[str, ...]:
    """Names of all scenes, sorted."""
    return tuple(sorted((*_BUILDERS, _WORLD)))


def render(
    name: str,
    *,
    seed: int = 0,
    frames: int = 24,
    height: int = 144,
    width: int = 256,
    fps: int | float | Fraction = 12,
) -> Scene:
    """Render a scene with its ground truth.

    The content depends on `name` and `seed` alone: size, length and rate choose which part of it is seen, and how
    finely. Frame k is the same whatever `frames` is.

    Args:
        name: one of `scene_names`.
        seed: >= 0.
        frames: >= 1.
        height, width: pixels, >= 8.
        fps: frames per second, > 0.

    Things in `world` stay in a square picture for two seconds: 24 frames at 12 a second.

    Raises: ConfigError for anything else, or where the result would need more than 2 GB.
    """
    where = f"scene '{name}'"
    if name not in scene_names():
        raise ConfigError(where, "no such scene", did_you_mean(name, scene_names()))
    for key, value, least in (("seed", seed, 0), ("frames", frames, 1), ("height", height, _SMALLEST)):
        _check_least(where, key, value, least)
    _check_least(where, "width", width, _SMALLEST)
    rate = _rate(where, fps)
    if name == _WORLD:
        from onereel.scenes import world as training_world  # compiled code, which takes a while to load

        _check_size(where, frames * height * width, 16 + 8)
        return training_world.render(training_world.sample_world(int(seed)), frames, height, width, rate)
    world = _world(name, seed)
    _check_size(where, frames * height * width, 16 + len(world.layers))
    facts: dict[str, Any] = {"scene": name, "seed": seed}
    return render_world(world, frames=frames, height=height, width=width, fps=rate, attributes=facts)


def _check_size(where: str, pixels: int, bytes_per_pixel: int) -> None:
    size = pixels * bytes_per_pixel
    if size > _LARGEST:
        raise ConfigError(
            where,
            f"{pixels} pixels in all need {size / 1e9:.1f} GB, more than 2 GB",
            "ask for fewer or smaller frames",
        )


def render_spec(spec: str) -> Scene:
    """Render what a text asks for: ``scene:balloons?seed=3&frames=16&height=144&width=256&fps=12``.

    The prefix and every key are optional; see `render` for the values.

    Raises: ConfigError for an unknown name or key (naming the nearest), a repeated key, or a value out of range.
    """
    where = f"'{spec}'"
    name, _, query = spec.removeprefix("scene:").partition("?")
    values: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        key, _, text = pair.partition("=")
        if key not in (*_DEFAULTS, "fps"):
            raise ConfigError(where, f"unknown key '{key}'", did_you_mean(key, (*_DEFAULTS, "fps")))
        if key in values:
            raise ConfigError(where, f"'{key}' is given twice", "give it once")
        values[key] = _rate(where, text) if key == "fps" else _integer(where, key, text)
    return render(name, **values)


@lru_cache(maxsize=4)
def _world(name: str, seed: int) -> World:
    """Worlds are immutable and dearer than a small rendering of them."""
    # The name is part of the seed, so that equal seeds do not give every scene the same draws.
    return _BUILDERS[name](np.random.default_rng([seed, *name.encode()]))


def _integer(where: str, key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            where, f"{key} is '{text}', not a whole number", f"write e.g. {key}={_DEFAULTS[key]}"
        ) from None


def _check_least(where: str, key: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ConfigError(where, f"{key} is {value!r}, not a whole number", f"give a whole number from {least} on")
    if value < least:
        raise ConfigError(where, f"{key} is {value}", f"the least is {least}")


def _rate(where: str, value: Any) -> Fraction:
    try:
        rate = Fraction(value).limit_denominator(1_000_000)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        rate = Fraction(0)
    if not 0 < rate <= _FASTEST:
        remedy = f"give a number above 0, {_FASTEST} at most, e.g. fps=12 or fps=24000/1001"
        raise ConfigError(where, f"fps is '{value}'", remedy)
    return rate
