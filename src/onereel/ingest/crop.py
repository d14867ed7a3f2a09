"""Which part of the stored picture a container says is shown: Matroska's PixelCrop, MP4's clean aperture.

Players crop so; libav gives neither with its frames. What the codec crops itself (H.264, HEVC) has been done by then.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from onereel.ingest.structure import EBML_HEADER, TRACKS, boxes, element_at, elements

_TRACK, _TRACK_TYPE, _VIDEO, _IS_VIDEO = 0xAE, 0x83, 0xE0, 1
_CROPS = {0x54BB: "top", 0x54AA: "bottom", 0x54CC: "left", 0x54DD: "right"}
_SAMPLE_ENTRY = 8 + 70  # bytes before the boxes of a visual sample entry (ISO/IEC 14496-12, 12.1.3)
_LONGEST_INDEX = 1 << 28  # bytes


@dataclass(frozen=True)
class Crop:
    """Rows and columns of the stored picture that are not shown."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def within(self, height: int, width: int) -> Self:
        """This, if it leaves anything of such a picture; else nothing is cropped."""
        sides = self.top, self.bottom, self.left, self.right
        sound = min(sides) >= 0 and self.top + self.bottom < height and self.left + self.right < width
        return self if sound else type(self)()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) that is left."""
        return height - self.top - self.bottom, width - self.left - self.right

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, C) -> the part that is shown."""
        height, width = pixels.shape[:2]
        return pixels[self.top : height - self.bottom, self.left : width - self.right]


def container_crop(path: Path, track: int) -> Crop:
    """What the container crops of its video track number `track`, counted from 0."""
    with path.open("rb") as stream:
        head = stream.read(8)
        stream.seek(0)
        if head[:4] == EBML_HEADER.to_bytes(4, "big"):
            crops = _matroska(stream)
        elif head[4:] in (b"ftyp", b"moov", b"wide", b"free", b"skip", b"mdat"):
            crops = _iso_media(stream, path.stat().st_size)
        else:
            return Crop()
        try:
            return next((crop for number, crop in enumerate(crops) if number == track), Crop())
        except (struct.error, ZeroDivisionError):  # what libav reads all the same
            return Crop()


def _matroska(stream: BinaryIO) -> Iterator[Crop]:
    for kind, size, _ in elements(stream):
        if kind == TRACKS:
            for track, content in _children(stream.read(min(size, _LONGEST_INDEX))):
                inside = dict(_children(content)) if track == _TRACK else {}
                if int.from_bytes(inside.get(_TRACK_TYPE, b""), "big") == _IS_VIDEO:
                    video = dict(_children(inside.get(_VIDEO, b"")))
                    yield Crop(**{name: int.from_bytes(video.get(key, b""), "big") for key, name in _CROPS.items()})
            return


def _children(content: bytes) -> Iterator[tuple[int, bytes]]:
    stream = BytesIO(content)
    while (element := element_at(stream)) is not None and element[1] >= 0:
        yield element[0], stream.read(element[1])


def _iso_media(stream: BinaryIO, length: int) -> Iterator[Crop]:
    while stream.tell() + 8 <= length:
        start = stream.tell()
        size, kind = struct.unpack(">I4s", stream.read(8))
        if size == 1:
            size = int.from_bytes(stream.read(8), "big")
        if size < 8:
            return
        if kind == b"moov" and size <= _LONGEST_INDEX:
            index = stream.read(start + size - stream.tell())
            for track in (content for kind, content in boxes(index) if kind == b"trak"):
                media = _inside(track, b"mdia")
                if _inside(media, b"hdlr")[8:12] == b"vide":
                    yield _aperture(_inside(_inside(_inside(media, b"minf"), b"stbl"), b"stsd"))
            return
        stream.seek(min(length, start + size))


def _aperture(descriptions: bytes) -> Crop:
    """Of the first sample description (ISO/IEC 14496-12, 12.1.4)."""
    entry = next((content for _, content in boxes(descriptions[8:])), b"")
    clean = _inside(entry[_SAMPLE_ENTRY:], b"clap")
    if not clean:
        return Crop()
    stored_width, stored_height = struct.unpack_from(">HH", entry, 24)
    numbers = struct.unpack(">8i", clean[:32])
    width, height, right, down = (Fraction(*numbers[at : at + 2]) for at in (0, 2, 4, 6))
    left, top = round(right + (stored_width - width) / 2), round(down + (stored_height - height) / 2)
    return Crop(top, stored_height - top - round(height), left, stored_width - left - round(width))


def _inside(content: bytes, wanted: bytes) -> bytes:
    return next((inner for kind, inner in boxes(content) if kind == wanted), b"")
