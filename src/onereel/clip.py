"""A clip: frames and a frame rate, stored without loss; the only place where the two layouts convert.

Layouts: `frames` is (T, H, W, 3) uint8 RGB, at the door of every method and metric and on disk; `video` is
(3, T, H, W) float32 in [-1, 1], inside methods.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np

from onereel.errors import ClipError, MethodError
from onereel.files import atomic_path

if TYPE_CHECKING:  # imported where it is needed: torch takes more memory than most clips, and seconds
    import torch

av.logging.set_level(None)  # libav's remarks would mix with ours; what matters arrives as exceptions

Frames: TypeAlias = np.ndarray
"""(T, H, W, 3) uint8 RGB."""

RATE_TAG = "ONEREEL_RATE"
"""Matroska rounds times to milliseconds; the exact rate travels as a tag, which also marks files of `write`."""

_COUNT_TAG, _CHECK_TAG = "ONEREEL_FRAMES", "ONEREEL_CRC32"
_SLICED_FROM = 16  # FFV1 cannot cut smaller pictures into four slices
_DENOMINATOR = 1_000_000


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
        container.metadata[RATE_TAG] = str(clip.fps)
        container.metadata[_COUNT_TAG] = str(len(clip.frames))
        container.metadata[_CHECK_TAG] = _checksum(clip.frames)
        slices = "4" if min(clip.size[1:]) >= _SLICED_FROM else "1"
        options = {"flags": "+bitexact", "level": "3", "slices": slices}
        stream = container.add_stream("ffv1", rate=clip.fps, options=options)
        stream.height, stream.width = clip.frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in clip.frames:
            # FFV1 stores RGB without loss; bgr0 is its packed RGB layout and takes odd sizes.
            picture = np.zeros((*frame.shape[:2], 4), np.uint8)
            picture[..., :3] = frame[..., ::-1]
            container.mux(stream.encode(_packed_bgr0(picture)))
        container.mux(stream.encode())


def is_clip(path: Path | str) -> bool:
    """Whether `path` is a file that `write` wrote, by its tags."""
    if Path(path).suffix.lower() != ".mkv" or not Path(path).is_file():
        return False
    try:
        with av.open(f"file:{path}") as container:
            return RATE_TAG in container.metadata
    except (OSError, ValueError, av.FFmpegError):
        return False


def read(path: Path | str) -> Clip:
    """Read a clip that `write` wrote.

    Raises: ClipError if the file is missing, damaged or no such clip. Other people's files go through
    `onereel.ingest`.
    """
    try:
        with av.open(f"file:{path}") as container:
            rate, count, check = (container.metadata.get(tag) for tag in (RATE_TAG, _COUNT_TAG, _CHECK_TAG))
            if rate is None or count is None:
                raise ClipError(f"'{path}'", "was not written by onereel", "read it with onereel.ingest.load")
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (OSError, IndexError, ValueError, av.FFmpegError) as error:
        raise ClipError(f"'{path}'", f"not a readable clip ({error})", "make or fetch it again") from error
    if len(pictures) != int(count):
        raise ClipError(f"'{path}'", f"holds {len(pictures)} of its {count} frames", "make or fetch it again")
    # libav only logs damage in FFV1, and shows the picture before in its place.
    if _checksum(frames := stack(pictures)) != check:
        raise ClipError(f"'{path}'", "is damaged: its frames are not those that were written", "make or fetch it again")
    return Clip(frames, Fraction(rate))


def write_preview(path: Path | str, clip: Clip) -> None:
    """Write an H.264 mp4 (4:2:0, BT.709, index first) that browsers play; odd sizes get one repeated row or column."""
    height, width = clip.frames.shape[1:3]
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
