"""Bad input: one line that names the clip, what is wrong and what to do; never half a clip, never a flood of memory."""

import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from onereel.base.errors import ClipError
from onereel.ingest import ingest
from onereel.ingest.structure import missing_part

from .ingest_media import claim_size, encode, encode_planes, gif_bytes, ramp

NOISE = np.random.default_rng(0).integers(0, 256, (10, 32, 48, 3), dtype=np.uint8)


def refusal(source: Path | str, **options: str) -> str:
    with pytest.raises(ClipError) as caught:
        ingest(str(source), name="mine", **options)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.startswith("clip 'mine' (")
    assert str(source) in text
    assert "\n" not in text
    assert len(text) < 400
    assert all([caught.value.problem, caught.value.remedy])
    return text


def test_missing(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.mp4")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "e.mp4").touch()
    assert "empty" in refusal(tmp_path / "e.mp4")


@pytest.mark.parametrize("name", ["t.mp4", "t.txt", "t.gif", "t"])
def test_text_is_no_video_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not a video\n" * 200)
    assert "not a video" in refusal(tmp_path / name)


def test_a_playlist_opens_nothing_else(tmp_path: Path) -> None:
    """libav would follow a playlist to other files and addresses."""
    encode(tmp_path / "v.ts", ramp(), codec="mpeg2video", pix_fmt="yuv420p", rate=25)
    (tmp_path / "p.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nv.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "p.ffconcat").write_text("ffconcat version 1.0\nfile v.ts\n")
    for name in ("p.m3u8", "p.ffconcat"):
        assert "not a video" in refusal(tmp_path / name)


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux([*stream.encode(sound), *stream.encode()])
    assert "sound but no video" in refusal(path)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "without pictures" in refusal(tmp_path)


def test_no_file_at_all() -> None:
    assert "neither a file nor a folder" in refusal("/dev/null")


def test_an_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(folder: Path) -> None:  # root may read everything, so permissions cannot be tested by taking them
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", forbid)
    assert "cannot be listed (Permission denied)" in refusal(tmp_path)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "v.mkv", ramp())

    def forbid(file: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "open", forbid)
    assert "cannot be read (Permission denied)" in refusal(path)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("v.mp4", "libx264", "yuv420p"),
        ("fast.mp4", "libx264", "yuv420p"),
        ("v.mov", "png", "rgb24"),
        ("v.mkv", "ffv1", "bgr0"),
        ("v.webm", "libvpx", "yuv420p"),
        ("v.avi", "mpeg4", "yuv420p"),
        ("v.ts", "mpeg2video", "yuv420p"),
        ("v.png", "apng", "rgb24"),
    ],
)
def test_truncated_videos(tmp_path: Path, name: str, codec: str, pix_fmt: str, part: float) -> None:
    muxer = {"movflags": "+faststart"} if name == "fast.mp4" else {"f": "apng"} if codec == "apng" else {}
    whole = tmp_path / name
    if codec == "apng":
        first, *rest = map(Image.fromarray, NOISE)
        first.save(whole, save_all=True, append_images=rest, duration=100)
    else:
        encode(whole, NOISE, codec=codec, pix_fmt=pix_fmt, rate=25, muxer=muxer)
    assert len(ingest(str(whole))[0].frames) == 10
    assert missing_part(whole) is None
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    assert "truncated" in refusal(cut)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_truncated_animations(tmp_path: Path, suffix: str, part: float) -> None:
    first, *rest = map(Image.fromarray, NOISE)
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=rest, duration=100)
    data = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[: int(len(data) * part)])
    assert "truncated" in refusal(tmp_path / f"cut.{suffix}")


def test_a_recording_that_stopped(tmp_path: Path) -> None:
    """A live Matroska file does not say how large it is, but each finished cluster does."""
    live = {"live": "1", "cluster_time_limit": "100"}
    path = encode(tmp_path / "v.mkv", ramp(100, 16, 16), options={"g": "1"}, muxer=live)
    data = path.read_bytes()
    assert len(ingest(str(path))[0].frames) == 100
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 6 // 10])
    assert "truncated" in refusal(tmp_path / "cut.mkv")


def test_padding_after_the_last_box_is_no_truncation(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", ramp(), codec="libx264", pix_fmt="yuv420p")
    path.write_bytes(path.read_bytes() + bytes(100))
    assert len(ingest(str(path))[0].frames) == 6


def test_damage_in_the_middle(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mov", NOISE, codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data)
    assert "damaged" in refusal(path)
    assert len(ingest(str(path), end="3")[0].frames) == 3  # what lies before is usable


def test_a_file_that_declares_more_than_it_holds(tmp_path: Path) -> None:
    """The frames of the second half were lost, the declared length was not."""
    path = encode(tmp_path / "v.mkv", ramp(80, 16, 16))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"00:00:08.000000000", b"00:01:08.000000000"))
    assert "ends at 8.00 s though it declares 68.00 s" in refusal(path)
    assert len(ingest(str(path), end="5.0")[0].frames) == 50


def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mkv", ramp())
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_FFV9"))
    assert "codec" in refusal(path)


def test_a_change_of_size_in_the_middle(tmp_path: Path) -> None:
    parts = [
        encode(tmp_path / f"{w}.ts", ramp(5, 32, w), codec="mpeg2video", pix_fmt="yuv420p", rate=25) for w in (48, 64)
    ]
    (tmp_path / "v.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert "changes its picture size from 48x32 to 64x32" in refusal(tmp_path / "v.ts")


HUGE_PROBE = """
import sys
from pathlib import Path
from onereel.base.errors import ClipError
from onereel.ingest import ingest
for source in sys.argv[1:]:
    try:
        ingest(source)
    except ClipError as error:
        print(error)
    else:
        print("accepted", source)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


def huge_png(path: Path, side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))


def test_headers_that_claim_absurd_sizes_cost_no_memory_and_print_nothing_else(tmp_path: Path) -> None:
    plain = encode_planes(tmp_path / "plain.mkv", [128], pix_fmt="gray")
    claim_size(plain, tmp_path / "a.mkv", 100_000, 100_000)
    claim_size(plain, tmp_path / "b.mkv", 30_000, 30_000)
    (tmp_path / "c.gif").write_bytes(gif_bytes((65_535, 65_535), [10, 10]))
    (tmp_path / "d.gif").write_bytes(gif_bytes((20_000, 20_000), [10, 10]))
    huge_png(tmp_path / "e.png", 100_000)
    (tmp_path / "f").mkdir()
    huge_png(tmp_path / "f" / "1.png", 100_000)
    webp = b"WEBPVP8X" + struct.pack("<IB3x", 10, 2) + (16_382).to_bytes(3, "little") * 2
    (tmp_path / "g.webp").write_bytes(b"RIFF" + struct.pack("<I", len(webp)) + webp)
    sources = [str(tmp_path / name) for name in ("a.mkv", "b.mkv", "c.gif", "d.gif", "e.png", "f", "g.webp")]
    done = subprocess.run([sys.executable, "-c", HUGE_PROBE, *sources], capture_output=True, text=True, check=True)
    *lines, peak = done.stdout.splitlines()
    assert len(lines) == len(sources)
    for line in lines[:6]:
        assert any(word in line for word in ("claims", "megapixels", "absurd")), line
    assert not any(line.startswith("accepted") for line in lines)
    assert int(peak) < 200
    assert done.stderr == ""


def test_libav_prints_nothing_of_its_own(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", NOISE, codec="libx264", pix_fmt="yuv420p")
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 900
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(encode(tmp_path / "w.mkv", NOISE).read_bytes()[:3000])
    done = subprocess.run(
        [sys.executable, "-c", HUGE_PROBE, str(path), str(cut)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 3
    assert "accepted" not in done.stdout


def test_an_edit_list_that_hides_frames_is_no_truncation(tmp_path: Path) -> None:
    """Phones cut videos by an edit list: the hidden frames stay in the file, and are not shown."""
    path = tmp_path / "v.mp4"
    source = encode(tmp_path / "s.mp4", ramp(15), codec="libx264", pix_fmt="yuv420p", options={"bf": "0", "g": "30"})
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is None:
                continue
            shift = int(Fraction(1, 2) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = stream
            made.mux(packet)
    clip, _ = ingest(str(path))
    assert 10 <= len(clip.frames) <= 15
