"""A clip: frames and a frame rate, stored without loss; the only place where the two layouts convert.

Layouts: `frames` is (T, H, W, 3) uint8 RGB, at the door of every method and metric and on disk; `video` is
(3, T, H, W) float32 in [-1, 1], inside methods.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np

from onereel.base.errors import ClipError, MethodError
from onereel.base.files import atomic_path

if TYPE_CHECKING:  # imported where it is needed: torch takes more memory than most clips, and seconds
    import torch

av.logging.set_level(None)  # libav's remarks would mix with ours; what matters arrives as exceptions

Frames: TypeAlias = np.ndarray
"""(T, H, W, 3) uint8 RGB."""

_RATE_TAG, _COUNT_TAG, _CHECK_TAG = "ONEREEL_RATE", "ONEREEL_FRAMES", "ONEREEL_CRC32"
"""What `write` promises. Video tools copy tags into files with other frames, so nothing is believed unchecked."""

_EBML = b"\x1a\x45\xdf\xa3"
_SLICED_FROM = 16  # FFV1 cannot cut every smaller picture into four slices
_ONE_SLICE_UP_TO = 288, 352  # height and width beyond which FFV1 wants several slices
_DENOMINATOR = 1_000_000
_SAME_RATE = Fraction(1, 10_000)  # relative: headers round rates, and no two usual ones are closer
_SMALLEST_SIDE, _LARGEST_SIDE = 16, 8192  # of previews that browsers decode
_LONGEST_SIDE = 16384  # that x264 encodes


@dataclass(frozen=True)
class Clip:
    """Frames with the rate at which they play.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, T >= 1.
        fps: frames per second, > 0.
    """

    frames: Frames
    fps: Fraction = Fraction(12)

    def __post_init__(self) -> None:
        shape, dtype = self.frames.shape, self.frames.dtype
        if dtype != np.uint8 or len(shape) != 4 or shape[-1] != 3 or min(shape) < 1:
            raise ValueError(f"frames must be (T, H, W, 3) uint8, got {shape} {dtype}")
        fps = Fraction(self.fps).limit_denominator(_DENOMINATOR)
        if fps <= 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        object.__setattr__(self, "fps", fps)

    @property
    def size(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        frames, height, width, _ = self.frames.shape
        return frames, height, width

    def __repr__(self) -> str:
        frames, height, width = self.size
        return f"{type(self).__name__}({frames} frames, {width}x{height}, {float(self.fps):g} fps)"

    def _repr_html_(self) -> str:
        from onereel.video.players import players  # what a notebook asks for

        return players([self], [""])


def to_video(frames: Frames, *, device: torch.device | str = "cpu") -> torch.Tensor:
    """(T, H, W, 3) uint8 -> (3, T, H, W) float32 in [-1, 1]."""
    import torch

    video = torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(3, 0, 1, 2)
    return video.to(torch.float32).div_(127.5).sub_(1).contiguous()


def to_frames(video: torch.Tensor) -> Frames:
    """(3, T, H, W) floats -> (T, H, W, 3) uint8; values outside [-1, 1] are clamped, the rest rounded to nearest.

    Raises: MethodError for NaN, which has no colour and would otherwise turn black unnoticed.
    """
    import torch

    scaled = video.detach().to(torch.float32).add(1).mul(127.5).round()
    if bool(scaled.isnan().any()):
        problem = f"holds NaN in {int(scaled.isnan().sum())} of {scaled.numel()} values"
        raise MethodError("a sample", problem, "its model is damaged or ran away: train it again")
    return scaled.clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu().numpy()


def stack(pictures: list[np.ndarray]) -> Frames:
    """(H, W, 3) uint8 each -> (T, H, W, 3), emptying the list, so that both are never whole in memory at once."""
    frames = np.empty((len(pictures), *pictures[0].shape), np.uint8)
    pictures.reverse()
    for index in range(len(frames)):
        frames[index] = pictures.pop()
    return frames


def write(path: Path | str, clip: Clip) -> None:
    """Write a clip as lossless RGB FFV1 in Matroska; `read` returns the same frames and rate, whatever the size.

    The same clip always gives the same bytes. The file appears whole or not at all.
    """
    with (
        atomic_path(path) as temporary,
        av.open(f"file:{temporary}", "w", format="matroska", options={"fflags": "+bitexact"}) as container,
    ):
        # Times are in milliseconds there, so the exact rate travels as a tag.
        container.metadata[_RATE_TAG] = str(clip.fps)
        container.metadata[_COUNT_TAG] = str(len(clip.frames))
        container.metadata[_CHECK_TAG] = _checksum(clip.frames)
        options = {"flags": "+bitexact", **_ffv1_layout(*clip.size[1:])}
        stream = container.add_stream("ffv1", rate=clip.fps, options=options)
        stream.height, stream.width = clip.frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in clip.frames:
            # FFV1 stores RGB without loss; bgr0 is its packed RGB layout and takes odd sizes.
            picture = np.zeros((*frame.shape[:2], 4), np.uint8)
            picture[..., :3] = frame[..., ::-1]
            container.mux(stream.encode(_packed_bgr0(picture)))
        container.mux(stream.encode())


def claims_to_be_clip(path: Path | str) -> bool:
    """Whether `path` has the tags of `write`: such a file, or one that a video tool made of it."""
    try:
        with Path(path).open("rb") as stream:
            if stream.read(4) != _EBML:
                return False
        with _opened(path) as container:
            return _RATE_TAG in container.metadata
    except (OSError, ValueError, av.FFmpegError):
        return False


def recognise(path: Path | str) -> Clip | None:
    """The clip that `write` wrote, if `path` still holds it, rewrapped or not: its tags promise how many frames there
    are, their checksum and their rate, and all of that is so. None for any other file.
    """
    try:
        with _opened(path) as container:
            rate, count, check = (container.metadata.get(tag) for tag in (_RATE_TAG, _COUNT_TAG, _CHECK_TAG))
            if rate is None or count is None:
                return None
            (stream,) = container.streams.video  # a ValueError where a tool put another video beside it
            if stream.sample_aspect_ratio not in (None, 0, 1):  # what is shown is no longer what was written
                return None
            fps, promised = Fraction(rate), int(count)
            tick = stream.time_base or Fraction(1, 1000)
            pictures: list[np.ndarray] = []
            times: list[Fraction] = []
            for frame in container.decode(video=0):
                if len(pictures) == promised:  # or a film with copied tags would fill the memory
                    return None
                if pictures and (frame.height, frame.width) != pictures[0].shape[:2]:
                    return None
                times.append((frame.pts or 0) * tick)
                pictures.append(frame.to_ndarray(format="rgb24"))
        # libav only logs damage in FFV1, and shows the picture before in its place: hence the checksum.
        if not pictures or len(pictures) != promised or _checksum(frames := stack(pictures)) != check:
            return None
        late = (abs(time - times[0] - index / fps) for index, time in enumerate(times))
        return Clip(frames, fps) if max(late) <= tick else None
    except (OSError, IndexError, ValueError, ZeroDivisionError, av.FFmpegError):
        return None


def read(path: Path | str) -> Clip:
    """Read a clip that `write` wrote.

    Raises: ClipError if the file is missing, damaged, changed or no such clip. Other people's files, and clips that
    were edited, go through `onereel.ingest`.
    """
    clip = recognise(path)
    if clip is not None:
        return clip
    if not Path(path).exists():
        raise ClipError(f"'{path}'", "there is no such file", "make or fetch it again")
    if not claims_to_be_clip(path):
        raise ClipError(f"'{path}'", "was not written by onereel, or is damaged", "read it with onereel.ingest.load")
    what = "is damaged or was edited: its frames are not those that were written"
    raise ClipError(f"'{path}'", what, "make or fetch it again, or ingest it anew")


def exact_rate(metadata: Mapping[str, str], declared: Fraction | None) -> Fraction | None:
    """The rate of a container's video: what it declares, which is rounded, or the tag of `write`, if that is the same
    rate. A tool that changes the rate copies the tag all the same.
    """
    try:
        tagged = Fraction(metadata[_RATE_TAG])
    except (KeyError, ValueError, ZeroDivisionError):
        return declared
    close = declared is not None and abs(tagged - declared) <= declared * _SAME_RATE
    return tagged if close else declared


def write_preview(path: Path | str, clip: Clip) -> None:
    """Write an H.264 mp4 that browsers play.

    Pictures with a side below 16 pixels are enlarged by a whole factor as far as the longer side allows, then their
    border is repeated; pictures beyond 8192 pixels are made smaller by a whole factor.
    """
    shorter, longer = sorted(clip.size[1:])
    frames = clip.frames
    if longer > _LARGEST_SIDE:
        frames = np.stack([_reduced(frame, -(-longer // _LARGEST_SIDE)) for frame in frames])
    elif shorter < _SMALLEST_SIDE:
        factor = max(1, min(-(-_SMALLEST_SIDE // shorter), _LARGEST_SIDE // longer))
        frames = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    missing = [max(0, _SMALLEST_SIDE - side) for side in frames.shape[1:3]]
    if any(missing):
        frames = np.pad(frames, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    write_h264(path, Clip(frames, clip.fps))


def write_h264(path: Path | str, clip: Clip) -> None:
    """Write an H.264 mp4 (4:2:0, BT.709, index first), pixel for pixel; odd sizes get one repeated row or column.

    Raises: ClipError for sides that H.264 cannot have.
    """
    height, width = clip.frames.shape[1:3]
    if max(height, width) > _LONGEST_SIDE:
        what = f"{width}x{height} pixels are more than H.264 stores ({_LONGEST_SIDE} on a side)"
        raise ClipError(f"'{path}'", what, "make the clip smaller with height")
    margin = ((0, height % 2), (0, width % 2), (0, 0))
    flags = {"movflags": "+faststart", "fflags": "+bitexact"}
    with atomic_path(path) as temporary, av.open(f"file:{temporary}", "w", format="mp4", options=flags) as container:
        # One thread: x264's slices, and with them the bytes, depend on how many there are.
        options = {"crf": "16", "preset": "medium", "threads": "1", "flags": "+bitexact"}
        stream = container.add_stream("libx264", rate=clip.fps, options=options)
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace = 1, 1  # limited range, BT.709: what players assume when untold
        context.color_primaries, context.color_trc = 1, 1
        for frame in clip.frames:
            picture = av.VideoFrame.from_ndarray(np.pad(frame, margin, mode="edge"), format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _opened(path: Path | str) -> av.container.InputContainer:
    # Old tools write tags in other encodings than UTF-8; what they say is not needed.
    return av.open(f"file:{path}", metadata_errors="replace")


def _ffv1_layout(height: int, width: int) -> dict[str, str]:
    """FFV1's version and number of slices: four where it can be, and what its encoder accepts for small pictures."""
    if min(height, width) >= _SLICED_FROM:
        return {"level": "3", "slices": "4"}
    if height <= _ONE_SLICE_UP_TO[0] and width <= _ONE_SLICE_UP_TO[1]:
        return {"level": "3", "slices": "1"}
    return {"level": "1"} if width == 1 else {"level": "3"}


def _reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).reduce(factor))


def _checksum(frames: Frames) -> str:
    value = 0
    for frame in frames:
        value = zlib.crc32(np.ascontiguousarray(frame).data, value)
    return f"{value:08x}"


def _packed_bgr0(picture: np.ndarray) -> av.VideoFrame:
    """A bgr0 frame from (H, W, 4) uint8; PyAV converts no array to that format, so the plane is filled by hand."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], "bgr0")
    plane = frame.planes[0]
    rows = np.zeros((picture.shape[0], plane.line_size), np.uint8)
    rows[:, : picture.shape[1] * 4] = picture.reshape(picture.shape[0], -1)
    plane.update(rows.tobytes())
    return frame
