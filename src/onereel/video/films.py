"""Films for people, where a clip's own size or format is not what they can use: enlarged, and as a GIF."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from onereel.base.files import atomic_path
from onereel.video.clip import Clip, Frames

_TICK = Fraction(1, 100)  # in which a GIF counts time
_SHORTEST = 2  # ticks: browsers play what is shorter ten times as slow


def resized(frames: Frames, height: int, width: int) -> Frames:
    """(T, H, W, 3) uint8 at another size, Lanczos; as they are where it is theirs."""
    if frames.shape[1:3] == (height, width):
        return frames
    pictures = (Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS) for frame in frames)
    return np.stack([np.asarray(picture) for picture in pictures])


def at_height(clip: Clip, height: int | None) -> Clip:
    """The clip `height` pixels high, its proportions kept to even sides, which every player takes; None: as it is."""
    if height is None:
        return clip
    _, old_height, old_width = clip.size
    width = max(2, 2 * round(height * old_width / old_height / 2))
    return Clip(resized(clip.frames, height + height % 2, width), clip.fps)


def write_gif(path: Path | str, clip: Clip) -> None:
    """Write a GIF that plays for ever: one palette of 256 colours for all frames, dithered.

    Delays are whole hundredths of a second, some longer than others, so that the whole plays at the clip's rate. Frames
    that would have to be shorter than two hundredths are left out: players slow such GIFs down.
    """
    height, width = clip.size[1:]
    times = _times(clip)
    end = round(len(clip.frames) / clip.fps / _TICK)
    options = {"final_delay": str(max(end - times[-1][0], _SHORTEST)), "fflags": "+bitexact"}
    with atomic_path(path) as temporary, av.open(f"file:{temporary}", "w", format="gif", options=options) as container:
        stream = container.add_stream("gif", rate=1 / _TICK)
        stream.height, stream.width, stream.pix_fmt = height, width, "pal8"
        stream.codec_context.time_base = stream.time_base = _TICK
        for picture in _dithered(clip, times):
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _times(clip: Clip) -> list[tuple[int, int]]:
    """When each frame is shown, in ticks, and which it is."""
    shown: list[tuple[int, int]] = []
    for index in range(len(clip.frames)):
        time = round(index / clip.fps / _TICK)
        if not shown or time - shown[-1][0] >= _SHORTEST:
            shown.append((time, index))
    return shown


def _dithered(clip: Clip, times: list[tuple[int, int]]) -> Iterator[av.VideoFrame]:
    """The frames in the colours of one palette (libavfilter's palettegen and paletteuse)."""
    height, width = clip.size[1:]
    palette = _palette(clip, times)
    graph = av.filter.Graph()
    pictures = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_TICK)
    colours = graph.add_buffer(width=palette.width, height=palette.height, format=palette.format, time_base=_TICK)
    use, sink = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle"), graph.add("buffersink")
    pictures.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    palette.pts, palette.time_base = 0, _TICK
    colours.push(palette)
    colours.push(None)
    for picture in (*_pictures(clip, times), None):
        pictures.push(picture)
        yield from _pulled(sink)


def _palette(clip: Clip, times: list[tuple[int, int]]) -> av.VideoFrame:
    height, width = clip.size[1:]
    graph = av.filter.Graph()
    pictures = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_TICK)
    choose, sink = graph.add("palettegen", "stats_mode=full:reserve_transparent=0"), graph.add("buffersink")
    pictures.link_to(choose)
    choose.link_to(sink)
    graph.configure()
    for picture in (*_pictures(clip, times), None):
        pictures.push(picture)
    (palette,) = _pulled(sink)
    return palette


def _pictures(clip: Clip, times: list[tuple[int, int]]) -> Iterator[av.VideoFrame]:
    for time, index in times:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(clip.frames[index]), format="rgb24")
        picture.pts, picture.time_base = time, _TICK
        yield picture


def _pulled(sink: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = sink.pull()
        except (BlockingIOError, EOFError):  # wants more, or has had all
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame
