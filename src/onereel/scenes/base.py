"""What a scene is made of: layers in a world, and what a rendering of it holds.

Scene coordinates: the image is one unit high; y grows downwards from 0 to 1, x grows to the right from 0 at the centre.
A wider image shows more of the same world. Distances are in scene units: an object one unit tall at distance one fills
the image's height. Time is in seconds. Colours are linear-light RGB, about 0..1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray


class Box(NamedTuple):
    """A rectangle in scene coordinates; infinite sides are allowed."""

    left: float
    top: float
    right: float
    bottom: float


class Moved(NamedTuple):
    """Where surface points are at a later time: arrays of one shape.

    `seen` is False where the object hides that point from the camera by itself (turned away, covered by a wing).
    """

    x: Array
    y: Array
    seen: Array


class Layer(Protocol):
    """One object or one sheet of background, known in closed form at every point and time.

    Points come as two float32 arrays of broadcastable shapes; answers have the broadcast shape (plus 3 for a colour).
    """

    @property
    def name(self) -> str:
        """Key of its mask."""
        ...

    @property
    def period(self) -> float:
        """Spacing (scene coordinates) at which the layer is repeated along x; infinite when it is there once."""
        ...

    def distance(self, time: float) -> float:
        """Distance of its farthest point: nearer layers are drawn over farther ones."""
        ...

    def bounds(self, time: float) -> Box:
        """A box of one copy, outside of which the layer is absent."""
        ...

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Signed distance to the outline in scene coordinates: negative inside, exact in sign, good near the edge."""
        ...

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """Linear RGB, defined a little beyond the outline too."""
        ...

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """Distance of the surface seen at a point inside, > 0."""
        ...

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """Where the surface points seen at (x, y) at `time` are at `later`."""
        ...


@dataclass(frozen=True)
class World:
    """A scene before it is rendered: the same for every size and length.

    Attributes:
        layers: in any order; together they cover the whole plane at every time.
        caption: one sentence that names what is in it.
        attributes: machine-readable facts: ``setting`` and ``objects``, a list of dicts with name, kind, colour, ...
    """

    layers: tuple[Layer, ...]
    caption: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """A rendered scene with exact ground truth, taken from the geometry at pixel centres and never estimated.

    Shading is not geometry: highlights and reflections move over a surface, while the flow follows the surface.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, anti-aliased.
        depth: (T, H, W) float32 > 0, distance in scene units: an object one unit tall at distance 1 fills the height.
        flow: (T-1, H, W, 2) float32, pixels (dx, dy) that the surface point seen at a pixel of frame t moves until t+1.
        occluded: (T-1, H, W) bool, True where that point cannot be seen in frame t+1: covered, turned away or outside.
        masks: (T, H, W) bool for every layer that is seen in some frame; disjoint, and every pixel has one.
        caption: one sentence that names what is in the scene.
        fps: frames per second, > 0.
        attributes: machine-readable: ``scene``, ``seed``, ``setting`` and ``objects``, each with name (the key of its
            mask), kind, colour, distance (scene units), radius and velocity at time 0 (x, y; scene coordinates and per
            second); water has its current (across, towards the horizon; scene units per second) instead.
    """

    frames: Array
    depth: Array
    flow: Array
    occluded: Array
    masks: Mapping[str, Array]
    caption: str
    fps: Fraction
    attributes: Mapping[str, Any]
