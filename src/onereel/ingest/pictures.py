"""Animated pictures (GIF, WebP) and folders of numbered pictures, through Pillow.

APNG goes through libav (see `movie`): Pillow multiplies the alpha of blended pictures twice.

Every stored picture is one frame: a reader that plays a GIF at a fixed rate would repeat the slow ones.
"""

import hashlib
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL
from PIL import Image, ImageOps

from onereel.errors import ClipError
from onereel.files import sha256_of
from onereel.ingest.footage import Facts, Footage, Picture, check_pixels, note_alpha, over_backdrop

STILL_SUFFIXES = (".png", ".jpg", ".jpeg")
DEFAULT_FPS = Fraction(12)
"""Rate of pictures that carry no times."""

_ANIMATED = ("GIF", "WEBP")
_SHORTEST_DELAY, _USUAL_DELAY = Fraction(1, 100), Fraction(1, 10)
_AGAIN = "copy or download it again, or save it anew with an image tool"


class Animation(Footage):
    """A GIF or WebP file, or a still picture, which is one frame.

    Delays up to 10 ms mean 100 ms, as in browsers.
    """

    versions: ClassVar = {"pillow": PIL.__version__}

    def __init__(self, path: Path, where: str) -> None:
        """Open `path` and read its header.

        Raises: ClipError if Pillow cannot, or the size is absurd.
        """
        self._path, self._where = path, where
        with _complaints(where):
            self._image = _open_picture(path, where)
            self._count = self._image.n_frames if self._image.format in _ANIMATED else 1  # type: ignore[attr-defined]
        self.size = self._image.height, self._image.width
        kind = "animation" if self._count > 1 else "picture"
        self.facts = Facts((self._image.format or "").lower(), kind, self._image.mode)

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def sha256(self) -> str:
        """Of the file."""
        return sha256_of(self._path)

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All frames; every one builds on those before, so there is no seeking."""
        time = Fraction(0)
        for number in range(self._count):
            with _complaints(self._where, f"picture {number}"):
                self._image.seek(number)
                self._image.load()
            end = time + _delay(self._image)
            yield Picture(number, time, end, self._pixels)
            time = end

    def _pixels(self) -> np.ndarray:
        with _complaints(self._where):
            return _rgb(self._image, self.facts)


class Folder(Footage):
    """A folder of numbered pictures (png, jpg), in the order of their numbers; gaps do not matter.

    Pictures carry no times: `fps` says at which rate they play.
    """

    versions: ClassVar = {"pillow": PIL.__version__}
    timed = False

    def __init__(self, path: Path, where: str, fps: Fraction | None = None) -> None:
        """List the pictures of `path` and read the first one's header.

        Raises: ClipError if there is none, or two have the same number.
        """
        self._where = where
        self._files = _numbered(path, where)
        self.rate = fps or DEFAULT_FPS
        with self._read(self._files[0]) as image:
            self.facts = Facts("folder", self._files[0].suffix[1:].lower(), image.mode)
            self.size = image.height, image.width
        self.length = len(self._files) / self.rate

    def close(self) -> None:
        """Nothing stays open."""

    def sha256(self) -> str:
        """Of the files' bytes, one after the other."""
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All pictures, read when they are kept."""
        assert self.rate is not None
        for index, file in enumerate(self._files):
            yield Picture(index, index / self.rate, (index + 1) / self.rate, partial(self._pixels, file))

    @contextmanager
    def _read(self, file: Path) -> Iterator[Image.Image]:
        where = f"{self._where}, picture '{file.name}'"
        with _complaints(where), _open_picture(file, where) as image:
            yield ImageOps.exif_transpose(image)

    def _pixels(self, file: Path) -> np.ndarray:
        with self._read(file) as image:
            pixels = _rgb(image, self.facts)
        if pixels.shape[:2] != self.size:
            height, width = self.size
            what = f"is {pixels.shape[1]}x{pixels.shape[0]}, the first picture is {width}x{height}"
            raise ClipError(f"{self._where}, picture '{file.name}'", what, "make all pictures the same size")
        return pixels


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key under which frame 9 comes before frame 10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part.casefold()) for part in parts if part)


def still_files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their numbers, hidden files left out."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in STILL_SUFFIXES and not p.name.startswith(".")]
    return sorted((p for p in files if p.is_file()), key=lambda path: (natural_key(path.stem), path.name))


def _numbered(folder: Path, where: str) -> list[Path]:
    try:
        files = still_files(folder)
    except OSError as error:
        raise ClipError(where, f"cannot be listed ({error.strerror})", "check its permissions") from error
    if not files:
        inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        remedy = "give a folder of numbered pictures"
        if inside:
            remedy = f"name one of the folders in it, e.g. '{inside[0]}'"
        raise ClipError(where, "is a folder without png or jpg pictures", remedy)
    for one, two in pairwise(files):
        if natural_key(one.stem) == natural_key(two.stem):
            what = f"'{one.name}' and '{two.name}' have the same number"
            raise ClipError(where, what, "remove one of them")
    return files


def _open_picture(path: Path, where: str) -> Image.Image:
    image = Image.open(path)
    width, height = image.size
    try:
        check_pixels(where, height, width)
    except ClipError:
        image.close()
        raise
    return image


def _delay(image: Image.Image) -> Fraction:
    seconds = Fraction(image.info.get("duration") or 0).limit_denominator(10**6) / 1000
    return seconds if seconds > _SHORTEST_DELAY else _USUAL_DELAY


def _rgb(image: Image.Image, facts: Facts) -> np.ndarray:
    """(H, W, 3) uint8 over white, whatever Pillow's mode."""
    if image.mode.startswith("I"):
        # 16-bit grey: Pillow would clip it at 255 instead of scaling.
        grey = np.clip(np.round(np.asarray(image).astype(np.float64) / 257), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        pixels, transparent = over_backdrop(np.asarray(image.convert("RGBA")))
        note_alpha(facts, transparent)
        return pixels
    return np.array(image.convert("RGB"))


@contextmanager
def _complaints(where: str, part: str = "") -> Iterator[None]:
    """Pillow's many ways of saying that a file is damaged, as one."""
    prefix = f"{part}: " if part else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its size warning: the size is checked here
            yield
    except ClipError:
        raise
    except Image.DecompressionBombError as error:
        remedy = "make it smaller with an image tool first"
        raise ClipError(where, f"{prefix}its header claims an absurd size ({error})", remedy) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise ClipError(where, f"{prefix}is damaged or no picture ({error})", _AGAIN) from error
