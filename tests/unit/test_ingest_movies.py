"""Video files as people have them: edited copies of our clips, odd tracks, clocks, streams and headers."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from onereel.base.errors import ClipError
from onereel.ingest import ingest, load
from onereel.ingest.structure import broken_checksum, is_motion_jpeg, missing_part
from onereel.video.clip import Clip, read, write

from .ingest_media import claim_aperture, claim_crop, encode, numbers, ramp, rewrap, with_tracks

FPS = Fraction(12345, 1001)
NOISE = np.random.default_rng(0).integers(0, 256, (6, 32, 48, 3), dtype=np.uint8)
STEPS = np.random.default_rng(1).integers(0, 256, (60, 4, 6, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
"""60 frames that differ from each other."""

OPTIONS = {"g": "20", "sc_threshold": "1000000000"}  # no other key frames
NONE, DEFAULT = Disposition(0), Disposition.default


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    write(tmp_path / "ours.mkv", Clip(NOISE, FPS))
    return tmp_path / "ours.mkv"


def tagged(source: Path, target: Path, frames: np.ndarray, **settings: object) -> Path:
    """Other frames under the tags of a clip of ours, as ffmpeg writes an edit of it."""
    made = encode(target.with_name("untagged.mkv"), frames, **settings)  # type: ignore[arg-type]
    with av.open(str(source)) as given, av.open(str(made)) as edit, av.open(str(target), "w") as out:
        out.metadata.update(given.metadata)
        stream = out.add_stream_from_template(edit.streams.video[0])
        for packet in edit.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


# Clips of our own


@pytest.mark.parametrize("frames", [NOISE[:, :, ::-1], NOISE[:4], NOISE[:, :16], NOISE[::-1]])
def test_an_edit_of_our_clip_is_what_it_shows_whatever_tags_were_copied(
    tmp_path: Path, ours: Path, frames: np.ndarray
) -> None:
    path = tagged(ours, tmp_path / "edit.mkv", frames, rate=FPS)
    for clip in (load(path), ingest(str(path))[0]):
        assert np.array_equal(clip.frames, frames)
        assert clip.fps == FPS


def test_an_edit_of_another_rate_has_its_own_rate(tmp_path: Path, ours: Path) -> None:
    path = tagged(ours, tmp_path / "edit.mkv", NOISE, rate=24)
    for clip in (load(path), ingest(str(path))[0]):
        assert np.array_equal(clip.frames, NOISE)
        assert clip.fps == 24
    faster = rewrap(ours, tmp_path / "faster.mkv", speed=2)
    assert float(load(faster).fps) == pytest.approx(2 * float(FPS), rel=1e-3)  # times in ms


def test_a_compressed_copy_is_a_video_like_any_other(tmp_path: Path, ours: Path) -> None:
    small = tagged(ours, tmp_path / "small.mkv", ramp(), codec="libx264", pix_fmt="yuv420p", rate=FPS)
    assert numbers(load(small).frames) == list(range(6))
    assert load(small).fps == FPS


def test_rewrapped_frames_are_the_same_clip(tmp_path: Path, ours: Path) -> None:
    for name in ("again.mkv", "again.avi", "again.nut"):
        clip = load(rewrap(ours, tmp_path / name))
        assert np.array_equal(clip.frames, NOISE)
        assert float(clip.fps) == pytest.approx(float(FPS), rel=2e-3)
    assert load(tmp_path / "again.mkv").fps == FPS
    part = load(rewrap(ours, tmp_path / "part.mkv", keep=4))
    assert np.array_equal(part.frames, NOISE[:4])
    assert part.fps == FPS


def test_damage_to_our_clip_is_named_wherever_it_is(tmp_path: Path, ours: Path) -> None:
    data = ours.read_bytes()
    assert broken_checksum(ours) is None
    bad = tmp_path / "bad.mkv"
    for at in range(0, len(data), len(data) // 40):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        assert named_or_exact(bad)
        bad.write_bytes(data[: max(at, 1)])
        assert named_or_exact(bad)


def named_or_exact(path: Path) -> bool:
    """Whether reading tells of damage or gives what was written, as some bytes of headers matter to nobody."""
    for read_it in (lambda: load(path), lambda: ingest(str(path))[0]):
        try:
            clip = read_it()
        except ClipError:
            continue
        if clip.fps != FPS or not np.array_equal(clip.frames, NOISE):
            return False
    return True


def test_damage_that_was_rewrapped_is_still_named(tmp_path: Path, ours: Path) -> None:
    data = bytearray(ours.read_bytes())
    data[len(data) * 3 // 4] ^= 0x10
    (tmp_path / "bad.mkv").write_bytes(data)
    copy = rewrap(tmp_path / "bad.mkv", tmp_path / "copy.mkv")
    assert broken_checksum(copy) is None
    with pytest.raises(ClipError, match=r"is damaged at 0\.\d\d s"):
        load(copy)


def test_our_frames_shown_otherwise_are_another_clip(tmp_path: Path, ours: Path) -> None:
    """In other proportions, or beside the video that players show."""
    exact = {"codec": "libx264rgb", "pix_fmt": "rgb24", "options": {"qp": "0"}}
    wide = tagged(ours, tmp_path / "wide.mkv", NOISE, rate=FPS, aspect=Fraction(2), **exact)
    shown = with_tracks(tmp_path / "shown.mkv", (ramp(5), "ffv1", "bgr0", NONE))
    with av.open(str(ours)) as given, av.open(str(shown)) as other, av.open(str(tmp_path / "two.mkv"), "w") as out:
        out.metadata.update(given.metadata)
        for source, disposition in ((given, NONE), (other, DEFAULT)):
            out.add_stream_from_template(source.streams.video[0]).disposition = disposition
        for source, stream in zip((given, other), out.streams.video, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    assert load(wide).size == ingest(str(wide))[0].size == (6, 32, 96)
    assert load(tmp_path / "two.mkv").size == ingest(str(tmp_path / "two.mkv"))[0].size == (5, 32, 48)
    with pytest.raises(ClipError):
        read(wide)


# What the metadata says


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.avi"])
def test_tags_that_are_not_utf_8_do_not_matter(tmp_path: Path, name: str) -> None:
    with av.open(str(tmp_path / name), "w", metadata_encoding="latin-1") as container:
        container.metadata["title"] = "café"
        stream = container.add_stream("mpeg4", rate=10)
        stream.metadata["title"] = "à côté"
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for pixels in ramp():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    assert b"caf\xe9" in (tmp_path / name).read_bytes()
    assert numbers(load(tmp_path / name).frames) == list(range(6))


@pytest.mark.parametrize("name", ["v.mkv", "v.nut", "v.flv", "v.ts", "v.mp4"])
def test_a_track_that_starts_late_is_whole(tmp_path: Path, name: str) -> None:
    codec = {"codec": "flv", "pix_fmt": "yuv420p"} if name == "v.flv" else {"codec": "mpeg4", "pix_fmt": "yuv420p"}
    path = encode(tmp_path / name, ramp(12), rate=10, times=range(30, 42), **codec)  # type: ignore[arg-type]
    clip, _ = ingest(str(path))
    assert numbers(clip.frames) == list(range(12))
    assert clip.fps == 10


def test_a_late_track_that_lost_its_end_is_not(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mkv", ramp(12), rate=10, times=range(30, 42))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"00:00:04.200000000", b"00:01:04.200000000"))
    with pytest.raises(ClipError, match=r"ends at 1\.20 s though it declares 61\.20 s"):
        ingest(str(path))


# Transport streams, and others that say where they end


@pytest.mark.parametrize(("codec", "packets"), [("mpeg2video", 188), ("mpeg4", 188), ("mpeg2video", 192)])
@pytest.mark.parametrize("odd", [0, 77])
def test_a_transport_stream_cut_between_key_frames_begins_at_one(
    tmp_path: Path, codec: str, packets: int, odd: int
) -> None:
    muxer = {"mpegts_m2ts_mode": "1" if packets == 192 else "0"}
    whole = encode(tmp_path / "v.ts", STEPS, codec=codec, pix_fmt="yuv420p", rate=25, options=OPTIONS, muxer=muxer)
    data, frames = whole.read_bytes(), load(whole).frames
    (tmp_path / "cut.ts").write_bytes(data[len(data) // packets // 5 * packets + odd :])
    clip = load(tmp_path / "cut.ts")
    assert np.array_equal(clip.frames, frames[20:])
    assert clip.fps == 25


@pytest.mark.parametrize("suffix", ["ts", "m2ts", "mts", "mpegts", "trp"])
@pytest.mark.parametrize("packets", [188, 192])
def test_a_transport_stream_that_ends_within_a_packet_is_truncated(tmp_path: Path, suffix: str, packets: int) -> None:
    muxer = {"f": "mpegts", "mpegts_m2ts_mode": "1" if packets == 192 else "0"}
    with av.open(str(tmp_path / f"v.{suffix}"), "w", format="mpegts", options=muxer) as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for pixels in ramp():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    path = tmp_path / f"v.{suffix}"
    data = path.read_bytes()
    assert len(data) % packets == 0
    assert missing_part(path) is None
    path.write_bytes(data + b"anything")
    assert missing_part(path) is None
    path.write_bytes(data[:-100])
    with pytest.raises(ClipError, match=f"is truncated: its last packet has {packets - 100} of {packets} bytes"):
        ingest(str(path))


@pytest.mark.parametrize(("name", "codec"), [("v.flv", "flv"), ("v.ogv", "libvpx")])
def test_other_formats_that_end_too_early(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, NOISE, codec=codec, pix_fmt="yuv420p")
    data = path.read_bytes()
    assert missing_part(path) is None
    path.write_bytes(data + b"anything after")
    assert missing_part(path) is None
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(ClipError, match="is truncated"):
        ingest(str(path))


def test_what_comes_after_a_whole_file_does_not_matter(tmp_path: Path) -> None:
    for name in ("v.mp4", "v.mkv", "v.avi"):
        path = encode(tmp_path / name, ramp(), codec="mpeg4", pix_fmt="yuv420p")
        path.write_bytes(path.read_bytes() + b"junkjunkjunkjunkjunk")
        assert numbers(load(path).frames) == list(range(6))


def test_a_gif_without_its_trailer_is_whole(tmp_path: Path) -> None:
    first, *rest = map(Image.fromarray, ramp())
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=rest, duration=100)
    data = path.read_bytes()
    assert data.endswith(b"\x00\x3b")
    path.write_bytes(data[:-1])
    assert missing_part(path) is None
    assert numbers(load(path).frames) == list(range(6))
    path.write_bytes(data[:-2])
    assert "within a GIF picture" in str(missing_part(path))


@pytest.mark.parametrize("suffix", ["mjpeg", "png", "gif", "ts", "h264", "avi"])
def test_a_wrong_suffix_does_not_matter(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / "v.mp4", ramp(), codec="mpeg4", pix_fmt="yuv420p").rename(tmp_path / f"v.{suffix}")
    assert numbers(load(path).frames) == list(range(6))


# Which track is the video


def test_a_thumbnail_before_the_video_is_not_the_video(tmp_path: Path) -> None:
    thumbnail = (ramp(1, 16, 16), "mjpeg", "yuvj420p", DEFAULT)
    for name in ("v.mp4", "v.mkv"):
        path = with_tracks(tmp_path / name, thumbnail, (ramp(), "mpeg4", "yuv420p", NONE))
        clip = load(path)
        assert clip.size == (6, 32, 48)
        assert numbers(clip.frames) == list(range(6))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_the_default_track_is_the_video(tmp_path: Path, name: str) -> None:
    small, large = (ramp(6, 16, 32), "mpeg4", "yuv420p"), (ramp(5), "mpeg4", "yuv420p")
    assert load(with_tracks(tmp_path / name, (*small, NONE), (*large, DEFAULT))).size == (5, 32, 48)
    assert load(with_tracks(tmp_path / name, (*large, NONE), (*small, DEFAULT))).size == (6, 16, 32)
    assert load(with_tracks(tmp_path / name, (*small, DEFAULT), (*large, DEFAULT))).size == (5, 32, 48)


def test_cover_art_alone_is_no_video(tmp_path: Path) -> None:
    path = with_tracks(tmp_path / "v.mp4", (ramp(1), "mjpeg", "yuvj420p", Disposition.attached_pic))
    with pytest.raises(ClipError, match="no video stream"):
        load(path)


# Streams without a container, and clocks


@pytest.mark.parametrize(
    ("name", "format", "codec", "rate"),
    [
        ("v.h264", "h264", "libx264", 10),
        ("v.m4v", "m4v", "mpeg4", 10),
        ("v.m2v", "mpeg2video", "mpeg2video", 25),
        ("v.y4m", "yuv4mpegpipe", "rawvideo", 10),
    ],
)
def test_raw_streams_play_at_the_rate_in_their_pictures(
    tmp_path: Path, name: str, format: str, codec: str, rate: int
) -> None:
    muxer, options = {"f": format}, {} if codec == "rawvideo" else {"bf": "2", "g": "12"}
    with av.open(str(tmp_path / name), "w", format=format, options=muxer) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for pixels in ramp(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    clip, manifest = ingest(str(tmp_path / name))
    assert numbers(clip.frames) == list(range(12))
    assert clip.fps == rate
    assert not manifest["variable_frame_rate"]
    assert (name == "v.y4m") != any("raw stream" in note for note in manifest["notes"])


@pytest.mark.parametrize("name", ["v.mjpeg", "v.jpg", "v"])
def test_pictures_in_a_row_are_a_video_whose_rate_is_said(tmp_path: Path, name: str) -> None:
    for index, pixels in enumerate(ramp()):
        Image.fromarray(pixels).save(tmp_path / f"{index}.jpg", quality=95)
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(b"".join((tmp_path / f"{index}.jpg").read_bytes() for index in range(6)))
    clip, manifest = ingest(str(path))
    assert numbers(clip.frames) == list(range(6))
    assert clip.fps == 25
    assert any("25 frames per second assumed" in note for note in manifest["notes"])
    clip, _ = ingest(str(path), fps=8)
    assert (len(clip.frames), clip.fps) == (6, 8)


def test_a_photo_is_no_video(tmp_path: Path) -> None:
    one, two = map(Image.fromarray, ramp(2))
    one.save(tmp_path / "a.jpg", progressive=True)
    one.save(tmp_path / "b.jpg", format="MPO", save_all=True, append_images=[two])
    assert not is_motion_jpeg(tmp_path / "a.jpg")
    assert not is_motion_jpeg(tmp_path / "b.jpg")


def test_digital_video_tapes(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.dv", ramp(3, 576, 720), codec="dvvideo", pix_fmt="yuv420p", rate=25)
    clip = load(path)
    assert numbers(clip.frames) == [0, 1, 2]
    assert clip.fps == 25


@pytest.mark.parametrize("name", ["v.avi", "v.mp4", "v.mkv"])
def test_a_clocks_rate_is_not_the_pictures(tmp_path: Path, name: str) -> None:
    """Recorders declare a thousand frames per second and show ten."""
    path = encode(tmp_path / name, ramp(8), codec="mpeg4", pix_fmt="yuv420p", rate=1000, times=range(0, 800, 100))
    clip, manifest = ingest(str(path))
    assert numbers(clip.frames) == list(range(8))
    assert clip.fps == 10
    assert not manifest["variable_frame_rate"]


def test_avi_whose_pictures_are_stored_out_of_order(tmp_path: Path) -> None:
    """AVI has no times of its own: what libav makes of them follows the order of storage."""
    options = {"bf": "3", "b_strategy": "0", "sc_threshold": "0", "g": "100"}
    path = encode(tmp_path / "v.avi", ramp(15), codec="libx264", pix_fmt="yuv420p", options=options)
    clip, manifest = ingest(str(path), fps=10)
    assert numbers(clip.frames) == list(range(15))
    assert not manifest["variable_frame_rate"]
    assert numbers(ingest(str(path), start="0.5s", end="0.9s")[0].frames) == [5, 6, 7, 8]


# What the header crops


def test_matroska_crops(tmp_path: Path) -> None:
    path = claim_crop(encode(tmp_path / "v.mkv", NOISE), tmp_path / "c.mkv", 1, 2, 3, 5)
    clip, manifest = ingest(str(path))
    assert np.array_equal(clip.frames, NOISE[:, 1:-2, 3:-5])
    assert "cropped from 48x32 to 40x29, as the container asks" in manifest["notes"]


def test_the_clean_aperture_of_mp4_crops(tmp_path: Path) -> None:
    whole = encode(tmp_path / "v.mp4", NOISE, codec="libx264", pix_fmt="yuv420p")
    path = claim_aperture(whole, tmp_path / "c.mp4", (40, 24), (-2, 1))
    assert np.array_equal(load(path).frames, load(whole).frames[:, 5:29, 2:42])
    turned = encode(tmp_path / "t.mp4", NOISE, codec="libx264", pix_fmt="yuv420p", rotation=90)
    path = claim_aperture(turned, tmp_path / "tc.mp4", (40, 24), (-2, 1))
    stored = np.rot90(load(turned).frames, -1, axes=(1, 2))
    assert np.array_equal(np.rot90(load(path).frames, -1, axes=(1, 2)), stored[:, 5:29, 2:42])
