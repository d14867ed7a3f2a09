"""Videos and pictures of every kind that ingestion takes, clips of ours, and folders of samples."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random

import av
import numpy as np
from PIL import Image

from fuzzing.target import Target
from onereel import ingest
from onereel.video import clip as clips
from onereel.video.clip import Clip

_SIZE = (6, 36, 52)


def frames(count: int = _SIZE[0], height: int = _SIZE[1], width: int = _SIZE[2]) -> np.ndarray:
    """(T, H, W, 3) uint8: a bright square that moves over a gradient."""
    rows, columns = np.mgrid[:height, :width]
    still = np.stack([rows * 5 % 256, columns * 4 % 256, (rows + columns) * 2 % 256], axis=-1)
    moving = np.stack([still] * count).astype(np.uint8)
    for number in range(count):
        left = 3 + 4 * number % (width - 10)
        moving[number, 6:14, left : left + 8] = 250
    return moving


def _encoded(path: Path, codec: str, pixels: str, *, form: str | None = None, **options: str) -> None:
    rotation = options.pop("rotation", None)
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.height, stream.width, stream.pix_fmt = *_SIZE[1:], pixels
        if rotation:
            stream.set_display_rotation(int(rotation))
        for index, picture in enumerate(frames()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _animated(path: Path, **options: object) -> None:
    first, *rest = (Image.fromarray(picture) for picture in frames())
    first.save(path, save_all=True, append_images=rest, duration=100, loop=0, **options)


def _folder(folder: Path, suffix: str) -> None:
    folder.mkdir()
    for index, picture in enumerate(frames(4)):
        Image.fromarray(picture).save(folder / f"{index:03d}{suffix}")


def _photo(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(frames(1)[0]).save(path, exif=exif)


_MOVIES: dict[str, Callable[[Path], None]] = {
    "mp4": lambda at: _encoded(at / "v.mp4", "libx264", "yuv420p"),
    "mkv": lambda at: _encoded(at / "v.mkv", "libx264", "yuv444p"),
    "webm": lambda at: _encoded(at / "v.webm", "libvpx-vp9", "yuv420p", deadline="realtime"),
    "avi": lambda at: _encoded(at / "v.avi", "mpeg4", "yuv420p"),
    "mov": lambda at: _encoded(at / "v.mov", "mpeg4", "yuv420p", rotation="90"),
    "ts": lambda at: _encoded(at / "v.ts", "mpeg2video", "yuv420p", form="mpegts"),
    "y4m": lambda at: _encoded(at / "v.y4m", "wrapped_avframe", "yuv420p", form="yuv4mpegpipe"),
    "gif": lambda at: _animated(at / "v.gif"),
    "png": lambda at: _animated(at / "v.png"),
    "webp": lambda at: _animated(at / "v.webp", lossless=True),
    "avif": lambda at: _animated(at / "v.avif", speed=10),
    "jpg": lambda at: _photo(at / "v.jpg"),
    "pictures": lambda at: _folder(at / "v", ".png"),
    "photos": lambda at: _folder(at / "v", ".jpg"),
}
_CLIPS_OF_OURS = {"16px": (4, 16, 24), "odd": (3, 37, 51), "still": (1, 20, 20)}


def _make(kind: str, folder: Path) -> None:
    (folder / kind).mkdir()
    _MOVIES[kind](folder / kind)


def _ingest(case: Path, rng: Random) -> None:
    source = next(case.glob("v*"), case / "v")
    if rng.random() < 0.5:
        ingest.load(source, allow_single=True)
        return
    ingest.ingest(
        str(source),
        start=rng.choice((None, "1", "0.1s", "2", "0:00.2")),
        end=rng.choice((None, "3", "0.4s", "5", "99")),
        fps=rng.choice((None, None, 5, "30000/1001", 60)),
        height=rng.choice((None, None, 8, 20, 72)),
        allow_single=True,
    )


def _make_clips(folder: Path) -> None:
    for name, size in _CLIPS_OF_OURS.items():
        clips.write(folder / name / "clip.mkv", Clip(frames(*size), Fraction(30000, 1001)))


def _read_clip(case: Path, rng: Random) -> None:
    path = case / "clip.mkv"
    if rng.random() < 0.3:
        ingest.load(path, allow_single=True)
    else:
        clips.read(path)


def _make_samples(folder: Path) -> None:
    for name in ("videos", "mixed", "ours"):
        (folder / name / "samples").mkdir(parents=True)
    for kind in ("mp4", "webm", "gif", "png"):
        _MOVIES[kind](folder / "videos/samples")
        (folder / f"videos/samples/v.{kind}").rename(folder / f"videos/samples/{kind}.{kind}")
    _folder(folder / "mixed/samples/0", ".png")
    _folder(folder / "mixed/samples/1", ".jpg")
    _MOVIES["gif"](folder / "mixed/samples")
    (folder / "mixed/samples/notes.txt").write_text("made on a Monday\n", encoding="utf-8")
    for seed in (9, 10):
        clip = Clip(frames(3), Fraction(10))
        clips.write(folder / f"ours/samples/{seed}.mkv", clip)
        clips.write_preview(folder / f"ours/samples/{seed}.mp4", clip)


def _read_samples(case: Path, rng: Random) -> None:
    pattern = rng.choice((case / "samples", case / "samples" / "*", case / "**" / "*", case / "samples" / "0"))
    for source in ingest.discover(pattern).values():
        ingest.load(source, allow_single=True)


MOVIES = [Target(kind, partial(_make, kind), _ingest, disturbs=kind in ("pictures", "photos")) for kind in _MOVIES]
TARGETS = [
    *MOVIES,
    Target("clips", _make_clips, _read_clip),
    Target("samples", _make_samples, _read_samples, disturbs=True),
]
