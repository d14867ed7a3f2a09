"""Pictures through Pillow: still ones, animated ones (GIF, WebP, AVIF, TIFF stacks), and folders of numbered ones.

One reader for all: upright as EXIF says, opaque, RGB. APNG goes through libav (see `movie`): Pillow multiplies the
alpha of blended pictures twice.

Every stored picture is one frame: a reader that plays a GIF at a fixed rate would repeat the slow ones.
"""

import hashlib
import logging
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import PIL
from PIL import ExifTags, Image, features

from onereel.base.errors import ClipError
from onereel.base.files import sha256_of
from onereel.ingest.colour import name_of_turn, turn
from onereel.ingest.footage import Facts, Footage, Picture, check_pixels, note_alpha, over_backdrop
from onereel.ingest.series import frames_of, said
from onereel.ingest.structure import picture_colours
from onereel.ingest.tone import Tone, to_sdr, tone_of

log = logging.getLogger(__name__)
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # its remarks would mix with ours; what matters is raised

HEAD_BYTES = 64
"""As much of a file's beginning as `is_picture` looks at."""

DEFAULT_FPS = Fraction(12)
"""Rate of pictures that carry no times."""

_BEGINNINGS = (
    b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\x4f\xff\x51",
)  # fmt: skip
_PNM = re.compile(rb"P[1-6]\s")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_JP2, _JXL_BOX, _JXL_STREAM = b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ", b"\xff\x0a"
_AVIF_BRANDS, _HEIF_BRANDS = {b"avif", b"avis"}, {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}

_ANIMATED = ("GIF", "WEBP", "AVIF", "TIFF")
_REDUCED_OR_MASK = 1 | 4
_WHITE_16 = 65_535
_SHORTEST_DELAY, _USUAL_DELAY = Fraction(1, 100), Fraction(1, 10)
_PILLOWS_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, ArithmeticError, RuntimeError, struct.error,
)  # fmt: skip
_AGAIN = "copy or download it again, or save it anew with an image tool"

# EXIF's orientation -> transpose, flip rows, flip columns, in this order.
_TURNS = {
    1: (False, False, False), 2: (False, False, True), 3: (False, True, True), 4: (False, True, False),
    5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with `head` is a picture, still or animated, rather than a video.

    Also true for kinds that are refused with a line of their own: HEIC and JPEG XL.
    """
    if head.startswith(_BEGINNINGS) or _PNM.match(head):
        return True
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head.startswith(b"BM"):
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    if head.startswith(_JP2):  # the same box begins Motion JPEG 2000
        return head[20:24] != b"mjp2"
    return _foreign(head) is not None or bool(_brands(head) & _AVIF_BRANDS)


class Animation(Footage):
    """A file of one or more pictures.

    The pages of a TIFF carry no times: `fps` says at which rate they play. GIF's and WebP's delays up to 10 ms mean
    100 ms, as in browsers.
    """

    versions: ClassVar = {"pillow": PIL.__version__}

    def __init__(self, path: Path, where: str, fps: Fraction | None = None) -> None:
        """Open `path` and read its first picture.

        Raises: ClipError if Pillow cannot, or the size is absurd.
        """
        self._path, self._where = path, where
        with _complaints(where):
            self._image = _open_picture(path, where)
            try:
                self._pages = _pages(self._image)
                self._show(self._pages[0])
                self._steps = _steps(self._image)
            except BaseException:
                self._image.close()
                raise
        self.size = _upright_size(self._image, self._steps)
        several, kind = len(self._pages) > 1, self._image.format or ""
        self.facts = Facts(
            kind.lower(), "animation" if several else "picture", self._image.mode, rotation=name_of_turn(self._steps)
        )
        self._tone = _tone(path, self._image, self.facts)
        self._stored_times = _avif_times(path, len(self._pages)) if kind == "AVIF" else []
        if kind == "TIFF" and several:
            self.timed, self.rate = False, fps or DEFAULT_FPS
            self.length = len(self._pages) / self.rate

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def sha256(self) -> str:
        """Of the file."""
        return sha256_of(self._path)

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All frames; every one builds on those before, so there is no seeking."""
        time = Fraction(0)
        for number, page in enumerate(self._pages):
            with _complaints(self._where, f"picture {number}"):
                self._show(page)
            end = time + self._shown(number)
            yield Picture(number, time, end, partial(self._pixels, number))
            time = end

    def _show(self, page: int) -> None:
        self._image.seek(page)
        check_pixels(self._where, self._image.height, self._image.width)
        self._image.load()

    def _shown(self, number: int) -> Fraction:
        """For how long a picture is shown, in seconds."""
        if self.rate is not None:
            return 1 / self.rate
        return self._stored_times[number] if self._stored_times else _delay(self._image)

    def _pixels(self, number: int) -> np.ndarray:
        with _complaints(self._where):
            pixels = turn(_rgb(self._image, self.facts, self._where, self._tone), self._steps)
        height, width = self.size
        if self._image.format == "GIF":
            # A GIF's first picture is as large as its screen; Pillow enlarges the screen for later ones.
            return pixels[:height, :width]
        _check_size(pixels, self.size, f"{self._where}, picture {number}")
        return pixels


class Folder(Footage):
    """A folder of numbered pictures, in the order of their numbers; gaps do not matter.

    Pictures carry no times: `fps` says at which rate they play.
    """

    versions: ClassVar = {"pillow": PIL.__version__}
    timed = False

    def __init__(self, path: Path, where: str, fps: Fraction | None = None) -> None:
        """List the pictures of `path` and read the first one.

        Raises: ClipError as `onereel.ingest.series.frames_of`, or if the first picture is damaged.
        """
        self._where = where
        self._files, strays = frames_of(path, where)
        self.rate = fps or DEFAULT_FPS
        with self._read(self._files[0]) as image:
            steps = _steps(image)
            self.size = _upright_size(image, steps)
            self.facts = Facts("folder", self._files[0].suffix[1:].lower(), image.mode, rotation=name_of_turn(steps))
        if strays:
            note = f"left out, as their names are not of the frames' series: {said(strays)}"
            log.warning("%s: %s", where, note)
            self.facts.notes.append(note)
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
        where = self._named(file)
        with _complaints(where), _open_picture(file, where) as image:
            image.load()
            yield image

    def _pixels(self, file: Path) -> np.ndarray:
        with self._read(file) as image:
            tone = _tone(file, image, self.facts)
            pixels = turn(_rgb(image, self.facts, self._named(file), tone), _steps(image))
        _check_size(pixels, self.size, self._named(file))
        return pixels

    def _named(self, file: Path) -> str:
        return f"{self._where}, picture '{file.name}'"


def orientation(path: Path) -> tuple[bool, bool, bool]:
    """`onereel.ingest.colour.upright`'s steps for a picture file, from its EXIF."""
    with _complaints(str(path)), Image.open(path) as image:
        return _steps(image)


def _check_size(pixels: np.ndarray, size: tuple[int, int], where: str) -> None:
    if pixels.shape[:2] != size:
        what = f"is {pixels.shape[1]}x{pixels.shape[0]}, the first picture is {size[1]}x{size[0]}"
        raise ClipError(where, what, "make all pictures the same size")


def _open_picture(path: Path, where: str) -> Image.Image:
    try:
        image = Image.open(path)
    except Image.UnidentifiedImageError:
        with path.open("rb") as stream:
            kind = _foreign(stream.read(HEAD_BYTES))
        if kind is None:
            raise
        raise ClipError(where, f"is a {kind} picture, which is not read here", "convert it to PNG") from None
    width, height = image.size
    try:
        check_pixels(where, height, width)
    except ClipError:
        image.close()
        raise
    return image


def _foreign(head: bytes) -> str | None:
    """The kind of a picture that the installed Pillow cannot read; None for those that it may."""
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return None if features.check("avif") else "AVIF"
    if head.startswith((_JXL_BOX, _JXL_STREAM)):
        return "JPEG XL"
    return "HEIC" if brands & _HEIF_BRANDS else None


def _brands(head: bytes) -> set[bytes]:
    """The brands in the file type box of an ISO media file (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}


def _pages(image: Image.Image) -> list[int]:
    """Numbers of the pictures in a file that are frames: not a TIFF's thumbnails and masks."""
    count = image.n_frames if image.format in _ANIMATED else 1  # type: ignore[attr-defined]
    if image.format != "TIFF" or count == 1:
        return list(range(count))
    full = []
    for page in range(count):
        image.seek(page)
        kind = image.tag_v2.get(254, 0)  # type: ignore[attr-defined]  # NewSubfileType
        if not kind & _REDUCED_OR_MASK:
            full.append(page)
    return full or [0]


def _avif_times(path: Path, count: int) -> list[Fraction]:
    """For how long each picture of an AVIF sequence is shown: exactly, where Pillow rounds to milliseconds.

    Returns: an empty list where libav finds other pictures than Pillow.
    """
    if count == 1:
        return [_USUAL_DELAY]
    try:
        with av.open(f"file:{path}", options={"format_whitelist": "mov"}) as container:
            track = max(container.streams.video, key=lambda stream: stream.frames)
            packets = [packet for packet in container.demux(track) if packet.pts is not None]
    except (av.FFmpegError, OSError, ValueError):
        return []
    packets.sort(key=lambda packet: packet.pts or 0)
    shown = [Fraction(packet.duration or 0) * (packet.time_base or 0) or _USUAL_DELAY for packet in packets]
    return shown if len(shown) == count else []


def _steps(image: Image.Image) -> tuple[bool, bool, bool]:
    """How a loaded picture is turned upright; Pillow turns TIFFs by itself and then forgets their orientation."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1), _TURNS[1])
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return _TURNS[1]  # camera data that nobody can read is no reason to refuse the picture


def _upright_size(image: Image.Image, steps: tuple[bool, bool, bool]) -> tuple[int, int]:
    return (image.width, image.height) if steps[0] else (image.height, image.width)


def _delay(image: Image.Image) -> Fraction:
    seconds = Fraction(image.info.get("duration") or 0).limit_denominator(10**6) / 1000
    return seconds if seconds > _SHORTEST_DELAY else _USUAL_DELAY


def _tone(path: Path, image: Image.Image, facts: Facts) -> Tone | None:
    """What is not SDR of BT.709 about an AVIF, which is noted."""
    coded = picture_colours(path) if image.format == "AVIF" else None
    tone = tone_of(coded[1], coded[0]) if coded is not None else None
    if tone is not None and tone.note not in facts.notes:
        facts.notes.append(tone.note)
    return tone


def _rgb(image: Image.Image, facts: Facts, where: str, tone: Tone | None) -> np.ndarray:
    """(H, W, 3) uint8 over white, whatever Pillow's mode."""
    if image.mode.startswith(("I", "F")):
        # 16-bit grey: Pillow would clip it at 255 instead of scaling.
        values = np.asarray(image).astype(np.float64)
        if image.mode == "F" or values.min() < 0 or values.max() > _WHITE_16:
            what = "holds floating-point or 32-bit values, which do not say what black and white are"
            raise ClipError(where, what, "convert it to 8 or 16 bits")
        return np.repeat(np.round(values / 257).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.array(image.convert("RGBA"))
        rgba[..., :3] = _toned(rgba[..., :3], tone)
        pixels, transparent = over_backdrop(rgba)
        note_alpha(facts, transparent)
        return pixels
    return _toned(np.array(image.convert("RGB")), tone)


def _toned(pixels: np.ndarray, tone: Tone | None) -> np.ndarray:
    return pixels if tone is None else to_sdr(pixels.astype(np.uint16), tone, 255)


@contextmanager
def _complaints(where: str, part: str = "") -> Iterator[None]:
    """Pillow's many ways of saying that a file is damaged, as one."""
    prefix = f"{part}: " if part else ""
    try:
        with warnings.catch_warnings(action="ignore"):  # its size warning: the size is checked here
            yield
    except ClipError:
        raise
    except Image.DecompressionBombError as error:
        remedy = "make it smaller with an image tool first"
        raise ClipError(where, f"{prefix}its header claims an absurd size ({error})", remedy) from error
    except MemoryError as error:  # a chunk that claims gigabytes is asked for whole
        raise ClipError(where, f"{prefix}is damaged: it claims more data than fits in memory", _AGAIN) from error
    except _PILLOWS_ERRORS as error:
        raise ClipError(where, f"{prefix}is damaged or no picture ({error})", _AGAIN) from error
