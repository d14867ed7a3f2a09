"""A clip: frames and a frame rate, stored without loss; the only place where the two layouts convert.

Layouts: `frames` is (T, H, W, 3) uint8 RGB, at the door of every method and metric and on disk; `video` is
(3, T, H, W) float32 in [-1, 1], inside methods.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import torch

from onereel.errors import ClipError
from onereel.files import atomic_path

Frames: TypeAlias = np.ndarray
"""(T, H, W, 3) uint8 RGB."""

_RATE_TAG = "ONEREEL_RATE"  # Matroska rounds frame durations to milliseconds; the exact rate travels as a tag.


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
        object.__setattr__(self, "fps", Fraction(self.fps).limit_denominator(1_000_000))

    @property
    def size(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        frames, height, width, _ = self.frames.shape
        return frames, height, width


def to_video(frames: Frames, *, device: torch.device | str = "cpu") -> torch.Tensor:
    """(T, H, W, 3) uint8 -> (3, T, H, W) float32 in [-1, 1]."""
    video = torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(3, 0, 1, 2)
    return video.to(torch.float32).div_(127.5).sub_(1).contiguous()


def to_frames(video: torch.Tensor) -> Frames:
    """(3, T, H, W) floats -> (T, H, W, 3) uint8; values outside [-1, 1] are clamped, the rest rounded to nearest."""
    scaled = video.detach().to(torch.float32).add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu().numpy()


def write(path: Path | str, clip: Clip) -> None:
    """Write a clip as lossless RGB FFV1 in Matroska; `read` returns the same frames and rate, whatever the size.

    The same clip always gives the same bytes. The file appears whole or not at all.
    """
    with (
        atomic_path(path) as temporary,
        av.open(str(temporary), "w", format="matroska", options={"fflags": "+bitexact"}) as container,
    ):
        container.metadata[_RATE_TAG] = str(clip.fps)
        stream = container.add_stream("ffv1", rate=clip.fps, options={"flags": "+bitexact", "level": "3"})
        stream.height, stream.width = clip.frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in clip.frames:
            # FFV1 stores RGB without loss; bgr0 is its packed RGB layout and takes odd sizes.
            picture = np.zeros((*frame.shape[:2], 4), np.uint8)
            picture[..., :3] = frame[..., ::-1]
            container.mux(stream.encode(_packed_bgr0(picture)))
        container.mux(stream.encode())


def read(path: Path | str) -> Clip:
    """Read a clip that `write` wrote.

    Raises: ClipError if the file is missing or holds no such clip. Other people's files go through `onereel.ingest`.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = container.metadata.get(_RATE_TAG) or stream.average_rate or 12
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    except (OSError, IndexError, av.FFmpegError) as error:
        raise ClipError(f"'{path}'", f"not a readable clip ({error})", "ingest the source again") from error
    if not frames:
        raise ClipError(f"'{path}'", "holds no frame", "ingest the source again")
    return Clip(np.stack(frames), Fraction(rate))


def write_preview(path: Path | str, clip: Clip) -> None:
    """Write an H.264 mp4 (4:2:0, BT.709, index first) that browsers play; odd sizes get one repeated row or column."""
    height, width = clip.frames.shape[1:3]
    padded = np.pad(clip.frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    with (
        atomic_path(path) as temporary,
        av.open(
            str(temporary), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        ) as container,
    ):
        # One thread: x264's slices, and with them the bytes, depend on how many there are.
        options = {"crf": "16", "preset": "medium", "threads": "1", "flags": "+bitexact"}
        stream = container.add_stream("libx264", rate=clip.fps, options=options)
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace = 1, 1  # limited range, BT.709: what players assume when untold
        context.color_primaries, context.color_trc = 1, 1
        for frame in padded:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _packed_bgr0(picture: np.ndarray) -> av.VideoFrame:
    """A bgr0 frame from (H, W, 4) uint8; PyAV converts no array to that format, so the plane is filled by hand."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], "bgr0")
    plane = frame.planes[0]
    rows = np.zeros((picture.shape[0], plane.line_size), np.uint8)
    rows[:, : picture.shape[1] * 4] = picture.reshape(picture.shape[0], -1)
    plane.update(rows.tobytes())
    return frame
