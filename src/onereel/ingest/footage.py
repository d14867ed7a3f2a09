"""What every kind of source looks like to the rest of ingestion: pictures with the times at which they are shown."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from onereel.base.errors import ClipError

MAX_PIXELS = 8192 * 8192
"""Largest picture that is decoded; headers that claim more are refused before memory is asked for."""

BACKDROP = 255
"""Transparent pixels are shown over white, as on a page."""


@dataclass(frozen=True)
class Picture:
    """One decoded picture, converted only when it is kept.

    Attributes:
        index: how many pictures of the source come before it; None where decoding began in the middle.
        time: when it appears, in seconds after the source's first picture.
        end: when the next one replaces it.
        pixels: gives (H, W, 3) uint8 RGB, upright, before any resizing; only until the next picture is drawn.
    """

    index: int | None
    time: Fraction
    end: Fraction
    pixels: Callable[[], np.ndarray]


@dataclass
class Facts:
    """What the manifest says about a source.

    Attributes:
        container: file format.
        codec: how pictures are compressed.
        pixel_format: libav's or Pillow's name.
        range: "full" or "limited".
        matrix: how YUV became RGB: "bt601", "bt709", ...; "rgb" where nothing was converted.
        rotation: how the stored picture was turned to stand upright, e.g. "90 degrees clockwise".
        alpha: "none", "opaque", or "composited over white".
        sample_aspect_ratio: width of a stored pixel over its height.
        notes: what a reader should know, one sentence each.
    """

    container: str
    codec: str
    pixel_format: str
    range: str = "full"
    matrix: str = "rgb"
    rotation: str = "none"
    alpha: str = "none"
    sample_aspect_ratio: Fraction = Fraction(1)
    notes: list[str] = field(default_factory=list)


class Footage(ABC):
    """A source that was opened.

    Attributes:
        facts: for the manifest; `alpha` and `notes` are complete once the pictures were drawn.
        size: (H, W) of the pictures, upright, before the pixel aspect ratio is applied.
        aspect: width over height of an upright pixel; not 1 where pixels are not square.
        rate: the declared rate, None if there is none.
        tick: resolution of the times, in seconds; 0 where they are exact.
        length: the declared length in seconds, None if there is none.
        timed: False where pictures carry no times, so that a rate asked for is theirs.
        versions: the libraries that decode it.
        extra: further entries of the manifest.
    """

    facts: Facts
    size: tuple[int, int]
    aspect: Fraction = Fraction(1)
    rate: Fraction | None = None
    tick: Fraction = Fraction(0)
    length: Fraction | None = None
    timed: bool = True
    versions: ClassVar[Mapping[str, str]] = MappingProxyType({})
    extra: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All pictures in the order in which they are shown.

        Args:
            seek: where the container allows, begin at a picture that appears at or before this time.
        """

    @abstractmethod
    def sha256(self) -> str:
        """Hex sha256 of what was read."""

    @abstractmethod
    def close(self) -> None:
        """Release files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def over_backdrop(rgba: np.ndarray) -> tuple[np.ndarray, bool]:
    """(H, W, 4) uint8 with straight alpha -> (H, W, 3) uint8 over white, and whether any pixel let it through."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if (alpha == 255).all():
        return np.ascontiguousarray(rgba[..., :3]), False
    mixed = rgba[..., :3] * alpha + BACKDROP * (255 - alpha)  # <= 255 * 255, so 16 bits hold it
    return ((mixed.astype(np.uint32) + 127) // 255).astype(np.uint8), True


def note_alpha(facts: Facts, transparent: bool) -> None:
    """Record that a picture had an alpha channel."""
    if transparent:
        facts.alpha = "composited over white"
    elif facts.alpha == "none":
        facts.alpha = "opaque"


def check_pixels(where: str, height: int, width: int) -> None:
    """Refuse pictures that are too large to be a clip's.

    Raises: ClipError.
    """
    if min(height, width) < 1:
        raise ClipError(where, "its header gives no picture size", "check that it plays, or convert it to mp4")
    if height * width > MAX_PIXELS:
        raise ClipError(
            where,
            f"its header claims pictures of {width}x{height} pixels, more than {MAX_PIXELS // 10**6} megapixels",
            "make it smaller with a video tool first",
        )
