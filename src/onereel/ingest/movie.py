"""Video files and APNG, through libav (PyAV): streamed, seeked where possible, refused where damaged.

Interlaced video is out of scope: its frames are kept as they are stored, both fields woven.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
from av.stream import Disposition

from onereel.clip import RATE_TAG
from onereel.errors import ClipError
from onereel.files import sha256_of
from onereel.ingest.colour import Converter, colour_of, name_of_turn, pixel_aspect, turn, upright
from onereel.ingest.footage import MAX_PIXELS, Facts, Footage, Picture, check_pixels, note_alpha, over_backdrop
from onereel.ingest.pictures import orientation

# Only containers: no playlists, which would open further files and addresses, and no text, which libav would draw.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,nut,mxf,ivf,h264,hevc,m4v,yuv4mpegpipe,"
    "apng"
)
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # libav's own ignore WebM's alpha layer
_LIBRARIES = {
    name: ".".join(map(str, version))
    for name, version in av.library_versions.items()
    if name in ("libavcodec", "libavformat", "libswscale")
}
_WORTH_A_SEEK = Fraction(5)
_MOST_THREADS = 4  # each holds decoded frames


class Movie(Footage):
    """A video file. Times count from the first frame, whatever the container's clock says."""

    versions: ClassVar = {"av": av.__version__, **_LIBRARIES}

    def __init__(self, path: Path, where: str) -> None:
        """Open `path` and decode its first frame.

        Raises: ClipError if it is no video, has no video stream, or no frame that decodes.
        """
        self._path, self._where = path, where
        self._converter = Converter()
        self._open()
        try:
            self._learn(self._first_frame())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def sha256(self) -> str:
        """Of the file."""
        return sha256_of(self._path)

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All frames, or those from a key frame at or before `seek` on; then their `index` is None.

        Raises: ClipError where the file is damaged, or ends long before the length that it declares.
        """
        frames = self._seek(seek) if seek is not None and seek > _WORTH_A_SEEK else None
        counted = frames is None
        if frames is None:
            self.close()
            self._open()
            frames = self._decode()
        last = None
        for picture in self._lasting(frames):
            last = picture
            yield picture if counted else replace(picture, index=None)
        self._check_length(last)

    def _open(self) -> None:
        options = {"max_pixels": str(MAX_PIXELS), "protocol_whitelist": "file", "format_whitelist": _FORMATS}
        options["default_fps"] = "10"  # of APNG pictures without a delay, as in browsers
        try:
            self._container = av.open(f"file:{self._path}", options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            remedy = "give a video (mp4, mov, mkv, webm, avi, gif) or a folder of pictures"
            raise ClipError(self._where, f"is not a video that can be read ({_reason(error)})", remedy) from error
        pictures = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not pictures:
            what = "has sound but no video stream" if self._container.streams.audio else "has no video stream"
            self._container.close()
            raise ClipError(self._where, what, "check that it plays as a video")
        self._stream = pictures[0]
        if self._stream.codec_context is None:  # PyAV's answer where libav has no decoder
            self._container.close()
            raise ClipError(self._where, "is stored with a codec that cannot be decoded", "convert it to H.264 mp4")
        if not self._stream.codec_context.width:
            self._container.close()
            what = f"its header gives no picture size, or one beyond {MAX_PIXELS // 10**6} megapixels"
            raise ClipError(self._where, what, "check that it plays, or make it smaller with a video tool")
        self._decoder = self._choose_decoder()

    def _choose_decoder(self) -> av.VideoCodecContext:
        name = self._stream.codec_context.name
        if self._stream.metadata.get("alpha_mode") == "1" and name in _ALPHA_DECODERS:
            decoder = av.CodecContext.create(_ALPHA_DECODERS[name], "r")
            assert isinstance(decoder, av.VideoCodecContext)
        else:
            decoder = self._stream.codec_context
        decoder.options = {**decoder.options, "max_pixels": str(MAX_PIXELS)}
        decoder.thread_type = "AUTO"
        decoder.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
        return decoder

    def _first_frame(self) -> av.VideoFrame:
        frame = next(self._decode(), None)
        if frame is None:
            raise ClipError(self._where, "holds no frame that decodes", "check that it plays as a video")
        return frame

    def _learn(self, frame: av.VideoFrame) -> None:
        """Take what holds for the whole stream from its first frame."""
        check_pixels(self._where, frame.height, frame.width)
        stream = self._stream
        self._stored_size = frame.height, frame.width
        self._colour = colour_of(frame, stream.codec_context.name, self._where)
        apng = self._container.format.name == "apng"
        self._steps = orientation(self._path) if apng else upright(frame, self._where)
        self._first_pts = frame.pts
        self.size = self._stored_size[::-1] if self._steps[0] else self._stored_size
        self.aspect = pixel_aspect(stream.sample_aspect_ratio, self._steps[0])
        declared = self._container.metadata.get(RATE_TAG)
        self.rate = Fraction(declared) if declared else stream.average_rate or stream.guessed_rate
        self.tick = stream.time_base or Fraction(0)
        self.length = self._declared_length()
        self.facts = Facts(
            container=self._container.format.name,
            codec=stream.codec_context.name,
            pixel_format=self._colour.pixel_format,
            range="full" if self._colour.full_range else "limited",
            matrix=self._colour.matrix,
            rotation=name_of_turn(self._steps),
            sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
            notes=list(self._colour.notes),
        )

    def _declared_length(self) -> Fraction | None:
        if self._stream.duration and self._stream.time_base:
            return self._stream.duration * self._stream.time_base
        if match := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", self._stream.metadata.get("DURATION", "")):
            return (int(match[1]) * 60 + int(match[2])) * 60 + Fraction(match[3])
        if self._container.duration and len(self._container.streams) == 1:
            return Fraction(self._container.duration, av.time_base)
        return None

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames from the container's position on."""
        count = 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0 and packet.dts is not None:
                    continue  # AVI's "nothing new": the frame before stays
                for frame in self._decoder.decode(packet):
                    count += 1
                    yield frame
        except (av.FFmpegError, OSError, ValueError) as error:
            after = f"after {count} frames" if count else "at its first frame"
            remedy = "copy or download it again, or end before the damage"
            raise ClipError(self._where, f"is damaged {after} ({_reason(error)})", remedy) from error

    def _seek(self, target: Fraction) -> Iterator[av.VideoFrame] | None:
        """Frames from a key frame at or before `target` on; None where the container cannot do that."""
        if self._first_pts is None or not self.tick:
            return None
        try:
            self._container.seek(self._first_pts + int(target / self.tick), stream=self._stream)
            self._decoder.flush_buffers()
            frames = self._decode()
            first = next(frames, None)
        except (ClipError, av.FFmpegError, OSError):
            return None
        if first is None or first.pts is None or (first.pts - self._first_pts) * self.tick > target:
            return None
        return _chain(first, frames)

    def _lasting(self, frames: Iterator[av.VideoFrame]) -> Iterator[Picture]:
        """Give every frame its time and the time of the next; times that do not grow are spaced evenly."""
        step = 1 / self.rate if self.rate else Fraction(1, 12)
        waiting: tuple[int, Fraction, av.VideoFrame] | None = None
        for index, frame in enumerate(frames):
            if waiting is None:
                time = self._time(frame) or Fraction(0)
            else:
                number, before, held = waiting
                known = self._time(frame)
                time = known if known is not None and known > before else before + step
                yield Picture(number, before, time, partial(self._pixels, held))
            waiting = index, time, frame
        if waiting is not None:
            number, time, held = waiting
            shown = held.duration * self.tick if held.duration else step
            yield Picture(number, time, time + shown, partial(self._pixels, held))

    def _time(self, frame: av.VideoFrame) -> Fraction | None:
        if frame.pts is None or self._first_pts is None:
            return None
        return (frame.pts - self._first_pts) * self.tick

    def _pixels(self, frame: av.VideoFrame) -> np.ndarray:
        if frame.is_corrupt:
            seconds = float(self._time(frame) or 0)
            remedy = "copy or download it again, or choose start and end around it"
            raise ClipError(self._where, f"is damaged at {seconds:.2f} s", remedy)
        if (frame.height, frame.width) != self._stored_size:
            seconds = float(self._time(frame) or 0)
            change = f"{self._stored_size[1]}x{self._stored_size[0]} to {frame.width}x{frame.height}"
            remedy = "keep a part of one size with start and end"
            raise ClipError(self._where, f"changes its picture size from {change} at {seconds:.2f} s", remedy)
        pixels = self._converter(frame, self._colour)
        if self._colour.has_alpha:
            pixels, transparent = over_backdrop(pixels)
            note_alpha(self.facts, transparent)
        return turn(pixels, self._steps)

    def _check_length(self, last: Picture | None) -> None:
        """A file whose structure is whole may still lack its end, e.g. a recording that stopped."""
        if last is None or self.length is None:
            return
        allowed = max(Fraction(1), self.length / 20)
        if self.length - last.end > allowed:
            found, promised = float(last.end), float(self.length)
            remedy = "copy or download it again, or set end"
            raise ClipError(self._where, f"ends at {found:.2f} s though it declares {promised:.2f} s", remedy)


def _chain(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest


def _reason(error: BaseException) -> str:
    """libav's message without its number and the file's name."""
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"^\[Errno \d+\] ", "", text).split(":")[0].strip().lower() or type(error).__name__
