"""From a decoded libav frame to RGB: which matrix, which range, which transfer and primaries, which way up."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from onereel.base.errors import ClipError
from onereel.ingest.tone import Tone, to_sdr, tone_of

# libav's AVColorSpace (ITU-T H.273, table 4) -> swscale's constant and a name.
_MATRICES = {
    1: (1, "bt709"),
    4: (4, "fcc"),
    5: (5, "bt601"),
    6: (5, "bt601"),
    7: (7, "smpte240m"),
    9: (9, "bt2020"),
    10: (9, "bt2020"),
}
_BT709, _BT601 = _MATRICES[1], _MATRICES[6]
_UNSPECIFIED = 2
_LIMITED, _FULL = 1, 2
_HD_HEIGHT, _HD_WIDTH = 720, 1280
_LIMITED_GREY = {"h264", "hevc", "av1", "vvc", "mpeg2video"}
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class Colour:
    """How a frame's numbers mean colours.

    Attributes:
        pixel_format: libav's name.
        matrix: "rgb", "grey", or the YUV matrix's name.
        full_range: whether black is 0 (and not 16 of 255).
        has_alpha: whether there is an alpha channel.
        notes: what was assumed or left undone.
        swscale_matrix: swscale's number of the matrix; None for "rgb" and "grey".
        tone: what is not SDR of BT.709 about it; None for most.
    """

    pixel_format: str
    matrix: str
    full_range: bool
    has_alpha: bool
    notes: tuple[str, ...]
    swscale_matrix: int | None = None
    tone: Tone | None = None


def colour_of(frame: av.VideoFrame, codec: str, where: str) -> Colour:
    """What the tags of a frame say, and the usual rules where they say nothing.

    Untagged YUV is BT.709 from 1280x720 on and BT.601 below; untagged range is limited, except in formats that are
    full by definition (RGB, the JPEG variants of YUV, grey in still-picture codecs).

    Raises: ClipError for a matrix that nothing here can invert.
    """
    name, components = frame.format.name, frame.format.components
    alpha = any(component.is_alpha for component in components) or name == "pal8"
    tone = tone_of(frame.color_trc, frame.color_primaries)
    notes = [tone.note] if tone is not None else []
    if frame.format.is_rgb or name == "pal8":
        return Colour(name, "rgb", True, alpha, tuple(notes), tone=tone)
    full = frame.color_range == _FULL or name.startswith("yuvj")
    if sum(not component.is_alpha for component in components) == 1:
        full = full or (frame.color_range != _LIMITED and codec not in _LIMITED_GREY)
        return Colour(name, "grey", full, alpha, ())  # without colours, and no HDR camera records it
    if frame.colorspace in _MATRICES:
        constant, matrix = _MATRICES[frame.colorspace]
    elif frame.colorspace == _UNSPECIFIED:
        large = frame.height >= _HD_HEIGHT or frame.width >= _HD_WIDTH
        constant, matrix = _BT709 if large else _BT601
        notes.append(f"colour matrix not tagged: {matrix} by its size")
    else:
        number = frame.colorspace
        what = f"its colour matrix (H.273 code {number}) is not supported"
        raise ClipError(where, what, "convert it to BT.709 first")
    return Colour(name, matrix, full, alpha, tuple(notes), constant, tone)


class Converter:
    """Turns frames of one stream into RGB arrays; keeps swscale's tables between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, colour: Colour) -> np.ndarray:
        """(H, W, 3) uint8, or (H, W, 4) where there is an alpha channel; 8 bits per channel whatever the source has."""
        if colour.tone is not None:
            return self._toned(frame, colour, colour.tone)
        return self._rgb(frame, colour, "rgba" if colour.has_alpha else "rgb24")

    def _toned(self, frame: av.VideoFrame, colour: Colour, tone: Tone) -> np.ndarray:
        pixels = self._rgb(frame, colour, "rgba64le" if colour.has_alpha else "rgb48le")
        shown = to_sdr(pixels[..., :3], tone, _white(frame, colour))
        if colour.has_alpha:
            shown = np.concatenate([shown, (pixels[..., 3:] >> 8).astype(np.uint8)], axis=2)
        return shown

    def _rgb(self, frame: av.VideoFrame, colour: Colour, target: str) -> np.ndarray:
        if colour.matrix == "rgb":
            converted = self._reformatter.reformat(frame, format=target, interpolation=_EXACT, threads=1)
            return converted.to_ndarray()
        converted = self._reformatter.reformat(
            frame,
            format=target,
            src_colorspace=colour.swscale_matrix,
            dst_colorspace=colour.swscale_matrix,
            src_color_range=_FULL if colour.full_range else _LIMITED,
            dst_color_range=_FULL,
            interpolation=_EXACT,
            threads=1,
        )
        pixels = converted.to_ndarray()
        if colour.matrix == "grey" and not colour.full_range:
            pixels[..., :3] = _stretch()[pixels[..., :3]]  # swscale takes every grey format for full range
        return pixels


def _white(frame: av.VideoFrame, colour: Colour) -> int:
    """What swscale makes of full scale in 16 bits: it stretches RGB and shifts full-range YUV.

    8 bits and limited range end at 255 * 256.
    """
    bits = frame.format.components[0].bits
    if bits == 8 or not colour.full_range:
        return 255 << 8
    return (1 << 16) - 1 if colour.matrix == "rgb" else ((1 << bits) - 1) << 16 - bits


def upright(frame: av.VideoFrame, where: str) -> tuple[bool, bool, bool]:
    """(transpose, flip rows, flip columns), to apply in this order, from the frame's display matrix.

    The matrix ((a, b), (c, d)) moves a pixel at column p and row q to column a p + c q, row b p + d q
    (ISO/IEC 14496-12, 6.2.2).

    Raises: ClipError for angles other than quarter turns.
    """
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV has no name for some of libav's kinds of side data, such as EXIF
        data = None
    if data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5] / 65536
    off = 1e-3
    if abs(b) < off and abs(c) < off and a and d:
        return False, d < 0, a < 0
    if abs(a) < off and abs(d) < off and b and c:
        return True, b < 0, c < 0
    raise ClipError(where, "it is rotated by an angle other than 90, 180 or 270 degrees", "rotate its pictures first")


def turn(pixels: np.ndarray, steps: tuple[bool, bool, bool]) -> np.ndarray:
    """Apply `upright`'s steps to (H, W, C)."""
    transpose, flip_rows, flip_columns = steps
    if transpose:
        pixels = pixels.transpose(1, 0, 2)
    pixels = pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return np.ascontiguousarray(pixels)


def name_of_turn(steps: tuple[bool, bool, bool]) -> str:
    """Words for `upright`'s steps."""
    return {
        (False, False, False): "none",
        (True, True, False): "90 degrees counterclockwise",
        (True, False, True): "90 degrees clockwise",
        (False, True, True): "180 degrees",
        (False, False, True): "mirrored left to right",
        (False, True, False): "mirrored top to bottom",
        (True, False, False): "mirrored along the main diagonal",
        (True, True, True): "mirrored along the other diagonal",
    }[steps]


def pixel_aspect(frame_ratio: Fraction | None, transpose: bool) -> Fraction:
    """Width over height of an upright pixel; 1 where nothing is said."""
    ratio = frame_ratio if frame_ratio else Fraction(1)
    return 1 / ratio if transpose else ratio


def _stretch() -> np.ndarray:
    """Limited-range grey level -> full-range level, (256,) uint8."""
    return np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
