"""Which of a file's video streams is the video: cover art, thumbnails and small previews often come first."""

from collections import Counter

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails
_LOOKED_AT = 5000
"""Packets after which a stream without a second picture counts as a still one."""


def video_track(container: InputContainer) -> VideoStream | None:
    """The stream that players show: of those with more than one picture the default one, the largest, the longest.

    None if there is none but cover art and thumbnails. Moves the container's position where there are several.
    """
    tracks = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    tracks = [stream for stream in tracks if stream.codec_context is not None] or tracks
    if len(tracks) > 1:
        tracks = _moving(container, tracks) or tracks
    return max(tracks, key=_rank) if tracks else None


def _moving(container: InputContainer, tracks: list[VideoStream]) -> list[VideoStream]:
    """Those with two pictures or more, near the file's beginning."""
    seen: Counter[int] = Counter()
    for number, packet in enumerate(container.demux(tracks)):
        seen[packet.stream_index] += packet.size > 0
        if number >= _LOOKED_AT or all(seen[track.index] > 1 for track in tracks):
            break
    return [track for track in tracks if seen[track.index] > 1]


def _rank(track: VideoStream) -> tuple[bool, int, float, int]:
    context = track.codec_context
    pixels = context.width * context.height if context is not None else 0
    seconds = float(track.duration * track.time_base) if track.duration and track.time_base else 0.0
    return bool(track.disposition & Disposition.default), pixels, seconds, -track.index
