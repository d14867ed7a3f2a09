"""Video files and APNG, through libav (PyAV): streamed, seeked where possible, refused where damaged.

Interlaced video is out of scope: its frames are kept as they are stored, both fields woven.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from typing import ClassVar

import av
import numpy as np

from onereel.base.errors import ClipError
from onereel.base.files import sha256_of
from onereel.ingest.colour import Converter, colour_of, name_of_turn, pixel_aspect, turn, upright
from onereel.ingest.crop import container_crop
from onereel.ingest.footage import MAX_PIXELS, Facts, Footage, Picture, check_pixels, note_alpha, over_backdrop
from onereel.ingest.pictures import orientation
from onereel.ingest.request import MAX_FPS
from onereel.ingest.structure import damaged_slice, is_motion_jpeg
from onereel.ingest.track import video_track
from onereel.video.clip import exact_rate

_RAW = ("h264", "hevc", "vvc", "mjpeg", "m4v", "mpegvideo", "h263", "h261", "vc1", "cavsvideo", "dirac", "obu")
"""Streams without a container. What libav gives them as times is wrong where pictures are stored out of order."""

# Only containers: no playlists, which would open further files and addresses, and no text, which libav would draw.
_FORMATS = ",".join(
    (
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf,nut,mxf,gxf,ivf,dv,rm,wtv,yuv4mpegpipe,apng",
        "mp3,wav,flac,aac",  # to say that they are sound alone
        *_RAW,
    )
)
_CUT_ANYWHERE = ("mpegts", "mpeg")  # formats that are recorded and cut between key frames
_DECODED_ORDER = ("h264", "hevc", "mpeg1video", "mpeg2video", "vc1", "wmv3")
"""What AVI, which stores no times, may hold out of order, and libav numbers as it is stored."""

_COUNTED_FROM_ZERO = ("matroska", "flv", "nut")  # their length includes the time before the first frame
_UNTOLD_RATE, _ASSUMED_RATE = Fraction(24_999, 1000), Fraction(25)
"""What libav is asked to put where a raw stream says no rate, and what players put there."""

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

    def __init__(self, path: Path, where: str, fps: Fraction | None = None) -> None:
        """Open `path` and decode its first frame.

        Args:
            path: the file.
            where: names the clip in errors.
            fps: the rate of a raw stream that says none.

        Raises: ClipError if it is no video, has no video stream, or no frame that decodes.
        """
        self._path, self._where, self._fps = path, where, fps
        self._converter = Converter()
        self._format = "mjpeg" if is_motion_jpeg(path) else None
        self._track: int | None = None
        self._damaged: set[int] = set()
        self._open()
        self._from_key_frame = self._kind() in _CUT_ANYWHERE
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
        options["framerate"] = str(_UNTOLD_RATE)
        try:
            # Old tools write tags in other encodings than UTF-8; what they say is not needed.
            self._container = av.open(
                f"file:{self._path}", format=self._format, options=options, metadata_errors="replace"
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            remedy = "give a video (mp4, mov, mkv, webm, avi, gif) or a folder of pictures"
            raise ClipError(self._where, f"is not a video that can be read ({_reason(error)})", remedy) from error
        if self._track is None:
            self._track = self._choose_track()
            if len(self._container.streams.video) > 1:  # choosing has moved the position
                self._container.close()
                return self._open()
        stream = self._container.streams[self._track]
        assert isinstance(stream, av.VideoStream)
        self._stream, self._start = stream, stream.start_time or 0  # libav changes it while it reads
        if self._stream.codec_context is None:  # PyAV's answer where libav has no decoder
            self._container.close()
            raise ClipError(self._where, "is stored with a codec that cannot be decoded", "convert it to H.264 mp4")
        if not self._stream.codec_context.width:
            self._container.close()
            what = f"its header gives no picture size, or one beyond {MAX_PIXELS // 10**6} megapixels"
            raise ClipError(self._where, what, "check that it plays, or make it smaller with a video tool")
        self._decoder = self._choose_decoder()

    def _choose_track(self) -> int:
        try:
            track = video_track(self._container)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._container.close()
            remedy = "copy or download it again"
            raise ClipError(self._where, f"is damaged at its beginning ({_reason(error)})", remedy) from error
        if track is not None:
            return track.index
        what = "has sound but no video stream" if self._container.streams.audio else "has no video stream"
        self._container.close()
        raise ClipError(self._where, what, "check that it plays as a video")

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
        if frame is None and self._from_key_frame:
            self._from_key_frame = False
            self.close()
            self._open()
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
        track = [video.index for video in self._container.streams.video].index(stream.index)
        self._crop = container_crop(self._path, track).within(*self._stored_size)
        shown = self._crop.size(*self._stored_size)
        self.size = shown[::-1] if self._steps[0] else shown
        self.aspect = pixel_aspect(stream.sample_aspect_ratio, self._steps[0])
        self.tick = stream.time_base or Fraction(0)
        self.rate = exact_rate(self._container.metadata, stream.average_rate or stream.guessed_rate)
        if self.rate and self.rate > MAX_FPS:  # a clock's, not that of pictures
            self.rate = 1 / (frame.duration * self.tick) if frame.duration and self.tick else None
        notes = list(self._colour.notes)
        if shown != self._stored_size:
            stored = f"{self._stored_size[1]}x{self._stored_size[0]}"
            notes.append(f"cropped from {stored} to {shown[1]}x{shown[0]}, as the container asks")
        if self._kind() in _RAW:
            notes.append(self._learn_raw_rate())
        self.length = self._declared_length()
        self.facts = Facts(
            container=self._container.format.name,
            codec=stream.codec_context.name,
            pixel_format=self._colour.pixel_format,
            range="full" if self._colour.full_range else "limited",
            matrix=self._colour.matrix,
            rotation=name_of_turn(self._steps),
            sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
            notes=notes,
        )

    def _learn_raw_rate(self) -> str:
        """Take the rate that the pictures themselves declare, else the one that was asked for; returns a note."""
        self._first_pts = None  # frames are spaced evenly, whatever libav makes of their times
        self.tick = Fraction(0)
        told = self._stream.codec_context.framerate
        if told and told != _UNTOLD_RATE:
            self.rate = told
            return f"a raw stream without times: frames spaced evenly at its {float(told):g} frames per second"
        self.timed, self.rate = False, self._fps or _ASSUMED_RATE
        said = "as asked" if self._fps else "assumed; say another with fps"
        return f"a raw stream without times or rate: {float(self.rate):g} frames per second {said}"

    def _declared_length(self) -> Fraction | None:
        """From the first frame that decodes to the end that the file declares."""
        stream, tick = self._stream, self._stream.time_base or Fraction(0)
        first = self._first_pts * tick if self._first_pts is not None else Fraction(0)
        end = None
        if stream.duration and tick and not (self._kind() == "asf" and len(self._container.streams) > 1):
            end = (self._start + stream.duration) * tick  # in ASF every stream has the file's
        elif match := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", "")):
            end = (int(match[1]) * 60 + int(match[2])) * 60 + Fraction(match[3])
            if "_STATISTICS_WRITING_APP" in stream.metadata:  # mkvmerge counts from the first frame
                end += first
        elif self._container.duration and len(self._container.streams) == 1:
            end = Fraction(self._container.duration, av.time_base)
            if self._kind() not in _COUNTED_FROM_ZERO:
                end += first
        return end - first if end is not None and end > first else None

    def _is_untimed(self) -> bool:
        """Whether frames appear in the order of their slots in the file, of which each holds the data of another."""
        return self._kind() == "avi" and self._stream.codec_context.name in _DECODED_ORDER

    def _kind(self) -> str:
        return self._container.format.name.split(",")[0]

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames from the container's position on; from the first key frame on where the format is cut anywhere."""
        count, waiting = 0, self._from_key_frame
        untimed, slots = self._is_untimed(), list[int]()
        checked = self._stream.codec_context.name == "ffv1" and bool(self._stream.codec_context.extradata)
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0 and packet.dts is not None:
                    continue  # AVI's "nothing new": the frame before stays
                waiting = waiting and packet.size > 0 and not packet.is_keyframe
                if waiting:
                    continue
                if checked and packet.pts is not None and damaged_slice(bytes(packet)):
                    self._damaged.add(packet.pts)
                if untimed and packet.dts is not None:
                    heappush(slots, packet.dts)
                for frame in self._decoder.decode(packet):
                    count += 1
                    if slots:
                        frame.pts = heappop(slots)
                    yield frame
        except (av.FFmpegError, OSError, ValueError) as error:
            after = f"after {count} frames" if count else "at its first frame"
            remedy = "copy or download it again, or end before the damage"
            raise ClipError(self._where, f"is damaged {after} ({_reason(error)})", remedy) from error

    def _seek(self, target: Fraction) -> Iterator[av.VideoFrame] | None:
        """Frames from a key frame at or before `target` on; None where the container cannot do that."""
        if self._first_pts is None or not self.tick or self._is_untimed():
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
            shown = held.duration * self.tick or step
            yield Picture(number, time, time + shown, partial(self._pixels, held))

    def _time(self, frame: av.VideoFrame) -> Fraction | None:
        if frame.pts is None or self._first_pts is None:
            return None
        return (frame.pts - self._first_pts) * self.tick

    def _pixels(self, frame: av.VideoFrame) -> np.ndarray:
        if frame.is_corrupt or frame.pts in self._damaged:
            seconds = float(self._time(frame) or 0)
            remedy = "copy or download it again, or choose start and end around it"
            raise ClipError(self._where, f"is damaged at {seconds:.2f} s", remedy)
        if (frame.height, frame.width) != self._stored_size:
            seconds = float(self._time(frame) or 0)
            change = f"{self._stored_size[1]}x{self._stored_size[0]} to {frame.width}x{frame.height}"
            remedy = "keep a part of one size with start and end"
            raise ClipError(self._where, f"changes its picture size from {change} at {seconds:.2f} s", remedy)
        pixels = self._crop.of(self._converter(frame, self._colour))
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
    if isinstance(error, av.error.ArgumentError):  # what it says of formats that were not asked for
        return "its format is none that is known here"
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"^\[Errno \d+\] ", "", text).split(":")[0].strip().lower() or type(error).__name__
