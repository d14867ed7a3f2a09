"""Known ways to spoil a video, each at five strengths: what a metric makes of them tells what it sees.

Strength 1 is hard to see at normal speed, 5 is ruin. More strength is always more damage, so a metric that is of use
rises with it.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from onereel.video.clip import Frames

STRENGTHS = (1, 2, 3, 4, 5)
_NOISE = (4, 8, 16, 32, 64)  # standard deviation, grey levels
_BLUR = (0.5, 1, 1.5, 2.5, 4)  # standard deviation, pixels
_HOLD = (2, 3, 4, 6, 10_000)  # frames for which one stays
_COLOUR = (6, 12, 24, 40, 64)  # grey levels that red gains and blue loses


def corrupt(frames: Frames, kind: str, strength: int, *, seed: int = 0) -> Frames:
    """A spoilt copy.

    Args:
        frames: (T, H, W, 3) uint8.
        kind: of `KINDS`.
        strength: 1 to 5.
        seed: of noise and order.

    Raises: ValueError for an unknown kind or strength.
    """
    if kind not in KINDS or strength not in STRENGTHS:
        raise ValueError(f"'{kind}' at {strength}: kinds are {', '.join(KINDS)}, strengths 1 to 5")
    return KINDS[kind](frames, strength - 1, np.random.default_rng(seed))


def _noise(frames: Frames, index: int, rng: np.random.Generator) -> Frames:
    return _bytes(frames + rng.normal(0, _NOISE[index], frames.shape))


def _blur(frames: Frames, index: int, rng: np.random.Generator) -> Frames:
    sigma = _BLUR[index]
    return _bytes(gaussian_filter(frames.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"))


def _shuffle(frames: Frames, index: int, rng: np.random.Generator) -> Frames:
    """Some frames change places with each other: so many that a fifth, two fifths, ... of all neighbours are parted."""
    count = len(frames)
    moved = 1 - math.sqrt(1 - STRENGTHS[index] / 5)  # neighbours stay together where neither of them moves
    chosen = rng.permutation(count)[: max(index + 2, round(count * moved))]
    order = np.arange(count)
    order[chosen] = np.roll(chosen, 1)
    return frames[order]


def _freeze(frames: Frames, index: int, rng: np.random.Generator) -> Frames:
    return frames[np.arange(len(frames)) // _HOLD[index] * min(_HOLD[index], len(frames))]


def _colour(frames: Frames, index: int, rng: np.random.Generator) -> Frames:
    shift = _COLOUR[index]
    return _bytes(frames.astype(np.float32) + np.array([shift, 0, -shift], np.float32))


def _bytes(values: np.ndarray) -> Frames:
    return values.round().clip(0, 255).astype(np.uint8)


KINDS: Mapping[str, Callable[[Frames, int, np.random.Generator], Frames]] = {
    "noise": _noise,
    "blur": _blur,
    "shuffle": _shuffle,
    "freeze": _freeze,
    "colour": _colour,
}
"""What can be done to a video."""
OF_FRAMES = ("noise", "blur", "colour")
"""Those that a metric of single frames can see."""
