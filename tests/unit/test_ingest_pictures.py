"""GIF, APNG, animated WebP and folders of numbered pictures."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from onereel.base.errors import ClipError
from onereel.ingest import discover, ingest, load
from onereel.ingest.pictures import Animation, is_picture
from onereel.ingest.series import natural_key

from .ingest_media import BLUE, GREEN, RED, corners, gif_bytes, numbers, ramp

BLACK = (0, 0, 0)
SAVE = {"save_all": True, "loop": 0}


def animate(path: Path, frames: np.ndarray, durations: list[int] | int, **options: object) -> Path:
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(path, append_images=rest, duration=durations, **SAVE, **options)  # type: ignore[arg-type]
    return path


def through_libav(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.apng", "a.webp"])
def test_each_stored_picture_is_one_frame_however_slow(tmp_path: Path, name: str) -> None:
    options = {"format": "PNG"} if name == "a.apng" else {"lossless": True} if name == "a.webp" else {}
    path = animate(tmp_path / name, ramp(16), 200, **options)
    clip, manifest = ingest(str(path))
    assert numbers(clip.frames) == list(range(16))
    assert clip.fps == 5
    assert not manifest["variable_frame_rate"]
    if name != "a.gif":
        assert np.array_equal(clip.frames, ramp(16))


@pytest.mark.parametrize(("name", "options"), [("a.gif", {}), ("a.png", {}), ("a.webp", {"lossless": True})])
def test_each_picture_keeps_its_own_delay(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    path = animate(tmp_path / name, ramp(4), [100, 300, 50, 50], **options)
    clip, manifest = ingest(str(path))
    assert (len(clip.frames), clip.fps) == (4, 8)
    assert manifest["variable_frame_rate"]
    assert numbers(ingest(str(path), fps=20)[0].frames) == [0, 0, 1, 1, 1, 1, 1, 1, 2, 3]


def test_delays_of_nothing_mean_a_tenth_of_a_second_as_in_browsers(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(gif_bytes((3, 2), [0, 0, 1, 1]))
    clip, _ = ingest(str(tmp_path / "a.gif"))
    assert (clip.size, clip.fps) == ((4, 2, 3), 10)
    assert clip.frames[:, 0, 0, 0].tolist() == [0, 255, 0, 255]


def test_a_gifs_transparency_and_disposal_agree_with_libav(tmp_path: Path) -> None:
    """A square that moves over nothing: each picture must be erased before the next."""
    pictures = []
    for index in range(5):
        picture = Image.new("RGBA", (40, 24), (0, 0, 0, 0))
        picture.paste((200, 30, 60, 255), (4 + 6 * index, 6, 14 + 6 * index, 18))
        pictures.append(picture)
    for disposal in (2, 1):
        path = tmp_path / f"d{disposal}.gif"
        pictures[0].save(path, append_images=pictures[1:], duration=100, disposal=disposal, **SAVE)
        clip, manifest = ingest(str(path))
        assert clip.size == (5, 24, 40)
        assert manifest["colour"]["alpha"] == "composited over white"
        decoded = through_libav(path)
        assert len(decoded) == 5
        for frame, rgba in zip(clip.frames, decoded, strict=True):
            expected = np.where(rgba[..., 3:] == 255, rgba[..., :3], 255)
            assert np.array_equal(frame, expected)
        painted = (clip.frames[4] != 255).any(-1).sum()
        assert painted == (120 if disposal == 2 else 120 + 4 * 72)


def test_an_apngs_blending_and_disposal_agree_with_libav(tmp_path: Path) -> None:
    pictures = []
    for index in range(4):
        picture = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
        picture.paste((20, 160, 60, 128), (2 + 6 * index, 4, 10 + 6 * index, 16))
        pictures.append(picture)
    path = tmp_path / "a.png"
    pictures[0].save(path, append_images=pictures[1:], duration=[100, 40, 40, 100], disposal=1, blend=1, **SAVE)
    clip, _ = ingest(str(path))
    decoded = through_libav(path)
    assert len(clip.frames) == len(decoded) == 4
    for frame, rgba in zip(clip.frames, decoded, strict=True):
        alpha = rgba[..., 3:] / 255
        assert np.abs(frame - (rgba[..., :3] * alpha + 255 * (1 - alpha))).max() <= 1


def test_an_apngs_picture_for_old_viewers_is_no_frame(tmp_path: Path) -> None:
    first = Image.new("RGB", (48, 32), (255, 0, 255))
    rest = [Image.fromarray(frame) for frame in ramp(3)]
    first.save(tmp_path / "a.png", append_images=rest, duration=100, default_image=True, **SAVE)
    assert numbers(ingest(str(tmp_path / "a.png"))[0].frames) == [0, 1, 2]


def test_a_webp_with_alpha_is_shown_over_white(tmp_path: Path) -> None:
    frames = np.full((2, 16, 24, 4), (40, 50, 60, 0), np.uint8)
    frames[:, :8, :, :] = (10, 20, 200, 255)
    frames[1, 0, 0] = (10, 20, 201, 255)
    clip, manifest = ingest(str(animate(tmp_path / "a.webp", frames, 100, lossless=True)))
    assert clip.frames[0, 2, 2].tolist() == [10, 20, 200]
    assert clip.frames[0, 12, 2].tolist() == [255, 255, 255]
    assert manifest["colour"]["alpha"] == "composited over white"


def write_folder(folder: Path, frames: np.ndarray, names: list[str]) -> Path:
    folder.mkdir()
    for frame, name in zip(frames, names, strict=True):
        Image.fromarray(frame).save(folder / name, quality=95)
    return folder


def test_a_folder_is_read_in_the_order_of_its_numbers_with_gaps(tmp_path: Path) -> None:
    names = ["frame_1.png", "frame_2.png", "frame_9.png", "frame_10.png", "frame_11.png", "frame_100.png"]
    folder = write_folder(tmp_path / "f", ramp(6), names)
    (folder / ".hidden.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not a frame")
    clip, manifest = ingest(str(folder))
    assert numbers(clip.frames) == [0, 1, 2, 3, 4, 5]
    assert clip.fps == 12
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()
    assert manifest["sha256"] == digest


def test_a_folders_rate_is_the_one_given_and_no_picture_is_repeated(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", ramp(6), [f"{index}.png" for index in range(6)])
    clip, _ = ingest(str(folder), fps="30000/1001")
    assert (len(clip.frames), clip.fps) == (6, Fraction(30000, 1001))
    clip, _ = ingest(str(folder), fps=4, start="0.5", end="1.25")
    assert numbers(clip.frames) == [2, 3, 4]


def test_modes_may_be_mixed_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    grey = Image.new("L", (6, 4), 200)
    grey.save(folder / "1.png")
    grey.convert("RGB").save(folder / "2.png")
    grey.convert("RGBA").save(folder / "3.png")
    grey.convert("LA").save(folder / "4.png")
    grey.convert("P").save(folder / "5.png")
    Image.fromarray(np.full((4, 6), 200 * 257, np.uint16)).save(folder / "6.png")
    Image.new("1", (6, 4), 1).save(folder / "7.png")
    grey.save(folder / "8.jpg", quality=100)
    grey.convert("CMYK").save(folder / "9.jpg", quality=100)
    clip, _ = ingest(str(folder))
    levels = clip.frames.reshape(9, -1).astype(int)
    assert np.abs(levels - np.array([200] * 6 + [255] + [200] * 2)[:, None]).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_a_picture_is_the_same_alone_and_in_a_folder(tmp_path: Path, mode: str) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(grey).convert("RGBA" if mode == "P" else mode)
    if mode in ("LA", "RGBA", "P"):
        picture.putalpha(Image.fromarray(np.where(grey > 100, 255, 0).astype(np.uint8)))
    picture = picture.convert(mode) if mode == "P" else picture
    suffix = "jpg" if mode == "CMYK" else "png"
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("0", "1"):
        picture.save(folder / f"{name}.{suffix}")
    clip, manifest = ingest(str(folder))
    single, alone = ingest(str(folder / f"0.{suffix}"), allow_single=True)
    assert np.array_equal(single.frames[0], clip.frames[0])
    assert alone["colour"] == manifest["colour"]
    if mode in ("LA", "RGBA", "I;16", "L"):
        seen = np.where((grey > 100) | (mode in ("L", "I;16")), grey, 255)
        assert np.array_equal(single.frames[0, ..., 1], seen)


def turned(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


SHARP = {
    "jpg": {"quality": 100, "subsampling": 0},
    "webp": {"lossless": True},
    "avif": {"quality": 100, "subsampling": "4:4:4"},
    "jp2": {"irreversible": False},
}

# EXIF's orientations as they are defined: which corner of the stored picture is shown top left, top right, bottom left.
SHOWN = {
    1: (RED, GREEN, BLUE), 2: (GREEN, RED, BLACK), 3: (BLACK, BLUE, GREEN), 4: (BLUE, BLACK, RED),
    5: (RED, BLUE, GREEN), 6: (BLUE, RED, BLACK), 7: (BLACK, GREEN, BLUE), 8: (GREEN, BLACK, RED),
}  # fmt: skip


def shown(frame: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(np.round(frame[at] / 255).astype(int) * 255) for at in ((2, 2), (2, -3), (-3, 2)))


@pytest.mark.parametrize("number", SHOWN)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
def test_a_photograph_is_shown_upright_alone_and_in_a_folder(tmp_path: Path, suffix: str, number: int) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("1", "2"):
        path = folder / f"{name}.{suffix}"
        Image.fromarray(corners()).save(path, exif=turned(number), **SHARP.get(suffix, {}))
    clip, manifest = ingest(str(folder))
    single = load(folder / f"1.{suffix}", allow_single=True)
    assert clip.size == (2, *((48, 32) if number > 4 else (32, 48)))
    assert shown(clip.frames[1]) == SHOWN[number]
    assert np.array_equal(single.frames[0], clip.frames[0])
    if suffix != "tiff":  # Pillow turns them and does not say so
        assert (manifest["rotation"] == "none") == (number == 1)


@pytest.mark.parametrize("suffix", ["webp", "png", "tiff"])
def test_animations_are_shown_upright(tmp_path: Path, suffix: str) -> None:
    frames = np.stack([corners(), corners()[::-1], corners()])
    path = animate(tmp_path / f"a.{suffix}", frames, 100, exif=turned(6), **SHARP.get(suffix, {}))
    clip = load(path)
    assert clip.size == (3, 48, 32)
    assert [shown(frame) for frame in clip.frames] == [SHOWN[6], SHOWN[5], SHOWN[6]]


def test_camera_data_that_nobody_can_read_does_not_refuse_the_picture(tmp_path: Path) -> None:
    Image.fromarray(corners()).save(tmp_path / "a.png", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")
    assert np.array_equal(load(tmp_path / "a.png", allow_single=True).frames[0], corners())


@pytest.mark.parametrize("suffix", ["avif", "webp", "tiff", "tif", "bmp", "jp2", "ppm"])
def test_still_pictures_of_every_kind(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for index, frame in enumerate(ramp(3)):
        Image.fromarray(frame).save(folder / f"{index:03}.{suffix}", **SHARP.get(suffix, {}))
    clip, _ = ingest(str(folder))
    assert numbers(clip.frames) == [0, 1, 2]
    assert np.abs(clip.frames.astype(int) - ramp(3)).max() <= 1
    single = ingest(str(folder / f"001.{suffix}"), allow_single=True)[0]
    assert np.array_equal(single.frames[0], clip.frames[1])
    assert single.fps == 10


def test_an_avif_animation_keeps_its_own_times(tmp_path: Path) -> None:
    clip, manifest = ingest(str(animate(tmp_path / "a.avif", ramp(4), [100, 300, 50, 50], quality=100)))
    assert numbers(clip.frames) == [0, 1, 2, 3]
    assert (clip.fps, manifest["variable_frame_rate"]) == (8, True)
    pictures = np.dstack([corners(), np.full((32, 48), 255, np.uint8)])[None].repeat(2, 0)
    pictures[:, 16:, 24:, 3] = 0
    alpha, manifest = ingest(str(animate(tmp_path / "b.avif", pictures, 50, **SHARP["avif"])))
    assert alpha.frames[1, -3, -3].min() >= 254
    assert manifest["colour"]["alpha"] == "composited over white"


def test_the_rate_of_an_avif_animation_is_exact(tmp_path: Path) -> None:
    """Pillow rounds times to milliseconds; a third of this file's would be lost."""
    path = animate(tmp_path / "a.avif", ramp(3), 33, quality=100)
    data = path.read_bytes()
    # The time scale of the track's and the movie's headers: 1000 units a second become 990.
    path.write_bytes(data.replace((1000).to_bytes(4, "big"), (990).to_bytes(4, "big")))
    assert ingest(str(path))[0].fps == 30


def test_the_pages_of_a_tiff_are_frames_and_its_thumbnails_and_masks_are_not(tmp_path: Path) -> None:
    full = [Image.fromarray(frame) for frame in ramp(3)]
    small = Image.new("RGB", (6, 4))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    full[0].save(tmp_path / "a.tiff", save_all=True, append_images=[small, *full[1:]])
    clip, _ = ingest(str(tmp_path / "a.tiff"), fps=5)
    assert numbers(clip.frames) == [0, 1, 2]
    assert clip.fps == 5
    assert ingest(str(tmp_path / "a.tiff"))[0].fps == 12
    full[0].save(tmp_path / "b.tiff", save_all=True, append_images=[Image.new("RGB", (6, 4))])
    with pytest.raises(ClipError, match=r"picture 1: is 6x4, the first picture is 48x32"):
        ingest(str(tmp_path / "b.tiff"))


def test_values_without_a_white_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 0.5, np.float32)).save(tmp_path / "a.tiff")
    Image.fromarray(np.full((4, 6), 70_000, np.int32)).save(tmp_path / "b.tiff")
    for name in ("a.tiff", "b.tiff"):
        with pytest.raises(ClipError, match="8 or 16 bits"):
            load(tmp_path / name, allow_single=True)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00\x00\x00\x08meta", "HEIC"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00heicmif1" + b"\x00\x00\x00\x08meta", "HEIC"),
        (b"\xff\x0a\x07\x07" + bytes(60), "JPEG XL"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(60), "JPEG XL"),
    ],
)
def test_kinds_that_are_not_read_say_what_to_do(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "a.bin").write_bytes(head)
    with pytest.raises(ClipError, match=f"is a {kind} picture.*convert it to PNG"):
        load(tmp_path / "a.bin", allow_single=True)


def test_what_begins_a_picture() -> None:
    assert is_picture(b"BM" + bytes(12) + b"\x28" + bytes(40))
    assert not is_picture(b"BMovie, a text about movies")
    assert not is_picture(b"\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x14ftypmjp2")
    assert not is_picture(b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isomiso2avc1mp41")
    assert not is_picture(b"RIFF\x00\x00\x00\x00AVI LIST")


def test_a_gif_is_as_large_as_its_first_picture(tmp_path: Path) -> None:
    """A later one that reaches over the edge is cut there, as in browsers, and not squeezed."""
    data = bytearray(gif_bytes((3, 2), [10, 10]))
    second = data.rindex(b"\x2c")
    data[second + 1] = 5  # left
    (tmp_path / "a.gif").write_bytes(data)
    assert ingest(str(tmp_path / "a.gif"))[0].size == (2, 2, 3)


def test_a_gif_cut_inside_a_picture_is_refused(tmp_path: Path) -> None:
    """By Pillow, too: a missing trailer alone is no damage."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), dtype=np.uint8)
    data = animate(tmp_path / "a.gif", noise, 100).read_bytes()

    def read(cut: int) -> int:
        (tmp_path / "b.gif").write_bytes(data[:-cut])
        with Animation(tmp_path / "b.gif", "b") as footage:
            return sum(picture.pixels().shape == (32, 48, 3) for picture in footage.pictures())

    assert read(1) == 2
    for cut in (60, len(data) // 3):
        with pytest.raises(ClipError):
            read(cut)


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", ramp(3), ["1.png", "2.png", "3.png"])
    Image.new("RGB", (50, 32)).save(folder / "2.png")
    with pytest.raises(ClipError, match=r"'2\.png'.*50x32.*48x32"):
        ingest(str(folder))


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "f",
        np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8),
        ["1.png", "2.png", "3.png"],
    )
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:900])
    with pytest.raises(ClipError, match=r"'2\.png'"):
        ingest(str(folder))
    (folder / "2.png").write_text("no picture")
    with pytest.raises(ClipError, match=r"'2\.png'"):
        ingest(str(folder))


def test_two_pictures_of_one_number_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", ramp(3), ["1.png", "01.png", "2.png"])
    with pytest.raises(ClipError, match="same number"):
        ingest(str(folder))


def test_a_folder_of_folders_says_which_to_name(tmp_path: Path) -> None:
    write_folder(tmp_path / "1", ramp(2), ["1.png", "2.png"])
    with pytest.raises(ClipError, match="'1'"):
        ingest(str(tmp_path))


def test_a_single_picture_needs_leave(tmp_path: Path) -> None:
    Image.fromarray(corners()).save(tmp_path / "p.png")
    with pytest.raises(ClipError, match="only one frame"):
        ingest(str(tmp_path / "p.png"))
    assert np.array_equal(load(tmp_path / "p.png", allow_single=True).frames[0], corners())


def test_natural_order() -> None:
    names = ["a10", "a9", "b1", "a", "10", "9", "A11"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "a9", "a10", "A11", "b1"]


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("birds.gif", (8, 139, 246)),
        ("cliff.gif", (16, 168, 298)),
        ("airballoons", (20, 144, 256)),
        ("fish", (45, 144, 256)),
        ("tornado", (33, 144, 256)),
    ],
)
def test_real_clips(shared: Path, name: str, size: tuple[int, int, int]) -> None:
    clip, _ = ingest(str(shared / "data" / "clips" / name), name=name.partition(".")[0])
    assert clip.size == size
    if name.endswith(".gif"):
        with Image.open(shared / "data" / "clips" / name) as image:
            delays = {frame.info["duration"] for frame in ImageSequence.Iterator(image)}
        assert {1000 / clip.fps} == delays
        decoded = through_libav(shared / "data" / "clips" / name)
        assert np.array_equal(clip.frames, np.stack(decoded)[..., :3])


@pytest.mark.peer
@pytest.mark.parametrize(
    ("folder", "frames"),
    [
        ("fish/vgpnn_official", {"1": 30, "2": 30}),
        ("fish/sinfusion_official", {"1": 113}),
        ("birds/singan_gif_official", {"1": 16, "2": 16, "3": 16, "4": 16, "5": 8}),
        ("cliff/singan_gif_official", {"1": 8, "2": 16, "3": 16, "4": 16, "5": 16, "6": 16}),
    ],
)
def test_real_samples_of_the_authors(shared: Path, folder: str, frames: dict[str, int]) -> None:
    samples = discover(shared / "data" / "peer_outputs" / folder)
    assert {name: len(load(source).frames) for name, source in samples.items()} == frames


def test_a_picture_that_claims_more_than_fits_in_memory(tmp_path, monkeypatch):
    write_folder(tmp_path / "f", ramp(2), ["0.png", "1.png"])

    def load(self):
        raise MemoryError  # as for a last chunk of 4 GB, where a machine has less

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(ClipError, match=r"picture '0\.png'.*claims more data than fits in memory"):
        ingest(str(tmp_path / "f"))
