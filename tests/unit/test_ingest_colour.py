"""A known colour goes in under every tag; what comes out is compared with the colour, not with another decoder."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from onereel.base.errors import ClipError
from onereel.base.files import read_json
from onereel.cli.app import app
from onereel.ingest import ingest
from onereel.ingest.footage import over_backdrop
from onereel.video.clip import Clip, write_preview

from .ingest_media import corners, encode, encode_planes, ramp, yuv_of

COEFFICIENTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9}
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50), (30, 60, 200)]


def decoded_colour(path: Path) -> tuple[np.ndarray, dict[str, str]]:
    """The one colour of a clip, and the manifest's colour facts."""
    clip, manifest = ingest(str(path))
    flat = clip.frames.reshape(-1, 3).astype(int)
    assert flat.max(0).tolist() == flat.min(0).tolist()
    return flat[0], manifest["colour"]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", COEFFICIENTS)
def test_tagged_colours_come_out_right(tmp_path: Path, matrix: str, full: bool, pix_fmt: str) -> None:
    bits = 10 if "10" in pix_fmt else 8
    for colour in COLOURS:
        planes = yuv_of(colour, *COEFFICIENTS[matrix], full=full, bits=bits)
        path = encode_planes(
            tmp_path / "c.mkv", planes, pix_fmt=pix_fmt, colorspace=TAGS[matrix], color_range=2 if full else 1
        )
        found, facts = decoded_colour(path)
        assert np.abs(found - colour).max() <= 3, (matrix, full, colour, found)
        expected = {"pixel_format": pix_fmt, "matrix": matrix, "range": "full" if full else "limited", "alpha": "none"}
        assert facts == expected


def test_the_matrices_differ_by_more_than_the_tolerance() -> None:
    """Else the tests above could not tell a wrong matrix."""
    for colour in ((0, 255, 0), (255, 0, 0)):
        values = [yuv_of(colour, *c, full=False) for c in COEFFICIENTS.values()]
        assert max(abs(a - b) for a, b in zip(values[0], values[1], strict=True)) > 10


@pytest.mark.parametrize(("size", "matrix"), [((576, 720), "bt601"), ((720, 64), "bt709"), ((64, 1280), "bt709")])
def test_untagged_video_is_bt709_where_it_is_hd_and_bt601_elsewhere(
    tmp_path: Path, size: tuple[int, int], matrix: str
) -> None:
    planes = yuv_of((20, 200, 90), *COEFFICIENTS[matrix], full=False)
    path = encode_planes(tmp_path / "c.mkv", planes, pix_fmt="yuv420p", size=size)
    clip, manifest = ingest(str(path))
    assert np.abs(clip.frames.astype(int) - (20, 200, 90)).max() <= 3
    assert manifest["colour"]["matrix"] == matrix
    assert any("not tagged" in note for note in manifest["notes"])


@pytest.mark.parametrize(("tag", "black", "white"), [(1, 16, 235), (2, 0, 255), (None, 0, 255)])
def test_grey_in_both_ranges(tmp_path: Path, tag: int | None, black: int, white: int) -> None:
    for value, level in ((black, 0), (white, 255)):
        path = encode_planes(tmp_path / "g.mkv", [value], pix_fmt="gray", color_range=tag)
        found, facts = decoded_colour(path)
        assert found.tolist() == [level] * 3
        assert facts["matrix"] == "grey"


def test_jpeg_video_is_full_range(tmp_path: Path) -> None:
    planes = yuv_of((230, 40, 120), *COEFFICIENTS["bt601"], full=True)
    path = encode_planes(tmp_path / "c.avi", planes, pix_fmt="yuvj420p", codec="mjpeg", color_range=2)
    found, facts = decoded_colour(path)
    assert np.abs(found - (230, 40, 120)).max() <= 3
    assert facts["range"] == "full"


def test_our_own_preview_comes_back_in_its_colours(tmp_path: Path) -> None:
    frames = np.full((3, 64, 64, 3), (200, 60, 40), np.uint8)
    write_preview(tmp_path / "p.mp4", Clip(frames))
    clip, manifest = ingest(str(tmp_path / "p.mp4"))
    assert np.abs(clip.frames.astype(int) - frames).max() <= 3
    assert (manifest["colour"]["matrix"], manifest["colour"]["range"]) == ("bt709", "limited")


def test_ycgco_is_refused_rather_than_shown_in_wrong_colours(tmp_path: Path) -> None:
    path = encode_planes(tmp_path / "c.mkv", [100, 100, 100], pix_fmt="yuv444p", colorspace=8, color_range=1)
    with pytest.raises(ClipError, match="colour matrix"):
        ingest(str(path))


@pytest.mark.parametrize(
    ("degrees", "turned"),
    [(0, 0), (90, 1), (180, 2), (270, 3), (-90, 3)],
)
def test_rotation_flags_are_applied_exactly(tmp_path: Path, degrees: int, turned: int) -> None:
    """A display matrix of +90 degrees turns counterclockwise, as numpy.rot90 does."""
    stored = np.stack([corners()] * 2)
    path = encode(tmp_path / "r.mov", stored, codec="png", pix_fmt="rgb24", rotation=degrees)
    clip, manifest = ingest(str(path))
    assert np.array_equal(clip.frames[0], np.rot90(stored[0], turned))
    assert (manifest["rotation"] == "none") == (turned == 0)


def test_an_odd_angle_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "r.mov", np.stack([corners()] * 2), codec="png", pix_fmt="rgb24", rotation=45)
    with pytest.raises(ClipError, match="rotated"):
        ingest(str(path))


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (32, 64)), (Fraction(1, 2), (32, 24)), (1, (32, 48))])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    stored = np.stack([corners()] * 2)
    path = encode(tmp_path / "s.mov", stored, codec="png", pix_fmt="rgb24", aspect=Fraction(aspect))
    clip, manifest = ingest(str(path))
    assert clip.size[1:] == size
    assert manifest["sample_aspect_ratio"] == str(Fraction(aspect))
    height, width = size
    assert clip.frames[0, 2, width - 3].tolist() == [0, 255, 0]
    assert clip.frames[0, height - 3, 2].tolist() == [0, 0, 255]


def test_the_pixel_aspect_may_be_said_by_the_codec(tmp_path: Path) -> None:
    path = encode(tmp_path / "s.mkv", ramp(), codec="libx264", pix_fmt="yuv420p", aspect=Fraction(4, 3))
    assert ingest(str(path))[0].size == (6, 32, 64)


def test_rotation_and_pixel_aspect_together(tmp_path: Path) -> None:
    """Stored 48 x 32 with pixels twice as wide is a picture of 96 x 32; turned, 32 wide and 96 high, in proportion."""
    path = encode(
        tmp_path / "s.mov", np.stack([corners()] * 2), codec="png", pix_fmt="rgb24", rotation=90, aspect=Fraction(2)
    )
    clip, _ = ingest(str(path), height=96)
    assert clip.size[1:] == (96, 32)


@pytest.mark.parametrize("size", [(33, 47), (1, 1), (35, 48), (32, 49)])
def test_odd_sizes_stay(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = ramp(2, *size)
    clip, manifest = ingest(str(encode(tmp_path / "o.mkv", frames)))
    assert np.array_equal(clip.frames, frames)
    assert manifest["resize"] is None


def test_odd_subsampled_sizes_stay(tmp_path: Path) -> None:
    planes = yuv_of((200, 100, 50), *COEFFICIENTS["bt601"], full=False)
    path = encode_planes(tmp_path / "o.mkv", planes, pix_fmt="yuv420p", size=(33, 47))
    clip, _ = ingest(str(path))
    assert clip.size == (2, 33, 47)
    assert np.abs(clip.frames.astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mov", "qtrle", "argb"),
        ("a.mkv", "ffv1", "bgra"),
        ("a.mov", "png", "rgba"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
    ],
)
def test_alpha_is_shown_over_white(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    picture = np.zeros((2, 32, 48, 4), np.uint8)
    picture[..., 0] = 250
    picture[:, :16, :, 3] = 255
    picture[:, 16:24, :, 3] = 128
    options = {"auto-alt-ref": "0", "crf": "4", "b": "0"} if "vp9" in codec else {}
    path = encode(tmp_path / name, picture, codec=codec, pix_fmt=pix_fmt, options=options)
    clip, manifest = ingest(str(path))
    shown = clip.frames.astype(int)
    assert np.abs(shown[:, 4:12, 8:40] - (250, 0, 0)).max() <= 4
    assert np.abs(shown[:, 18:22, 8:40] - (252, 127, 127)).max() <= 5
    assert np.abs(shown[:, 27:31, 8:40] - 255).max() <= 2
    assert manifest["colour"]["alpha"] == "composited over white"


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    frames = np.stack([corners()] * 2)
    opaque = np.concatenate([frames, np.full_like(frames[..., :1], 255)], axis=-1)
    clip, manifest = ingest(str(encode(tmp_path / "a.mkv", opaque, pix_fmt="bgra")))
    assert np.array_equal(clip.frames, frames)
    assert manifest["colour"]["alpha"] == "opaque"


def test_compositing_matches_the_formula_at_every_level() -> None:
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    rgba = np.stack([colour, colour, colour, alpha], axis=-1).astype(np.uint8)
    mixed, transparent = over_backdrop(rgba)
    expected = colour * (alpha / 255) + 255 * (1 - alpha / 255)
    assert np.abs(mixed[..., 0] - expected).max() <= 0.5 + 1e-9
    assert transparent


# HDR and wide gamut: light by its definition goes in, SDR of BT.709 comes out

TO_BT2020 = np.array(((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)))  # BT.2087
TO_DISPLAY_P3 = np.array(((0.8225, 0.1774, 0.0000), (0.0332, 0.9669, 0.0000), (0.0171, 0.0724, 0.9108)))
PQ, HLG, BT2020, DISPLAY_P3 = 16, 18, 9, 12
ORDINARY = [(0, 0, 0), (20, 20, 20), (128, 128, 128), (235, 235, 235), (200, 100, 50), (30, 60, 200), (90, 200, 120)]


def light_of(rgb: tuple[int, int, int]) -> np.ndarray:
    """Linear light, 1 is white, as a display shows SDR (BT.1886)."""
    return (np.array(rgb) / 255) ** 2.4


def pq(nits: np.ndarray) -> np.ndarray:
    """BT.2100, table 4."""
    y = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """BT.2100, table 5, of a display of 1000 cd/m2: its light back to the scene's, then the OETF."""
    shown = nits / 1000
    luminance = float(shown @ (0.2627, 0.6780, 0.0593))
    scene = shown * luminance ** (1 / 1.2 - 1) if luminance else shown
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def coded(
    path: Path, signal: np.ndarray, transfer: int, primaries: int, *, full: bool = False, pix_fmt: str = "yuv444p10le"
) -> Path:
    """A video of one R'G'B' signal in [0, 1], through the matrix of BT.2020."""
    planes = yuv_of(signal * 255, *COEFFICIENTS["bt2020"], full=full, bits=10)
    tags = {"colorspace": TAGS["bt2020"], "color_range": 2 if full else 1}
    return encode_planes(path, planes, pix_fmt=pix_fmt, **tags, transfer=transfer, primaries=primaries)


@pytest.mark.parametrize("rgb", ORDINARY)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("transfer", "encoded"), [(PQ, pq), (HLG, hlg)], ids=["PQ", "HLG"])
def test_hdr_has_the_levels_of_its_sdr_twin_below_reference_white(
    tmp_path: Path, transfer: int, encoded: Callable[[np.ndarray], np.ndarray], full: bool, rgb: tuple[int, int, int]
) -> None:
    signal = encoded(203 * TO_BT2020 @ light_of(rgb))
    shown, _ = decoded_colour(coded(tmp_path / "v.mkv", signal, transfer, BT2020, full=full))
    assert np.abs(shown - rgb).max() <= 3, shown


@pytest.mark.parametrize(("transfer", "encoded"), [(PQ, pq), (HLG, hlg)], ids=["PQ", "HLG"])
def test_highlights_keep_their_order_up_to_white(
    tmp_path: Path, transfer: int, encoded: Callable[[np.ndarray], np.ndarray]
) -> None:
    levels = []
    for nits in (150, 203, 250, 400, 1000):
        signal = encoded(np.full(3, float(nits)))
        shown, _ = decoded_colour(coded(tmp_path / f"{nits}.mkv", signal, transfer, BT2020))
        levels.append(int(shown[1]))
    assert levels == sorted(set(levels))
    assert levels[1] >= 247  # reference white
    assert levels[-1] == 255


def test_hdr_is_said_where_a_user_sees_it(tmp_path: Path) -> None:
    path = coded(tmp_path / "v.mkv", np.full(3, 0.5), HLG, BT2020, pix_fmt="yuv420p10le")
    done = CliRunner().invoke(app, ["ingest", str(path), str(tmp_path / "out" / "clip.mkv")])
    note = "HDR (HLG, BT.2020) tone-mapped to SDR of BT.709: 203 cd/m2 is white"
    assert done.exit_code == 0
    assert note in done.output
    assert note in read_json(tmp_path / "out" / "clip.json")["notes"]


@pytest.mark.parametrize("rgb", [(128, 128, 128), (235, 235, 235), (200, 100, 50), (90, 200, 120)])
@pytest.mark.parametrize(("transfer", "encoded"), [(PQ, pq), (HLG, hlg)], ids=["PQ", "HLG"])
def test_hdr_pictures_are_toned_as_footage_is(
    tmp_path: Path, transfer: int, encoded: Callable[[np.ndarray], np.ndarray], rgb: tuple[int, int, int]
) -> None:
    signal = np.round(255 * encoded(203 * TO_BT2020 @ light_of(rgb))).astype(np.uint8)
    alone, folder = tmp_path / "v.avif", tmp_path / "frames"
    folder.mkdir()
    Image.fromarray(np.full((16, 16, 3), signal)).save(alone, quality=100, subsampling="4:4:4")
    said, tags = b"nclx\0\1\0\r", b"nclx" + bytes((0, BT2020, 0, transfer))
    assert said in alone.read_bytes()
    alone.write_bytes(alone.read_bytes().replace(said, tags))
    for number in range(2):
        shutil.copy(alone, folder / f"{number}.avif")
    for source in (alone, folder):
        clip, manifest = ingest(str(source), allow_single=True)
        assert np.abs(clip.frames[-1, 8, 8].astype(int) - rgb).max() <= 6  # of 8 bits
        assert "tone-mapped to SDR" in manifest["notes"][0]


@pytest.mark.parametrize("rgb", ORDINARY)
@pytest.mark.parametrize(("primaries", "matrix"), [(BT2020, TO_BT2020), (DISPLAY_P3, TO_DISPLAY_P3)])
def test_wide_gamuts_become_bt709(
    tmp_path: Path, primaries: int, matrix: np.ndarray, rgb: tuple[int, int, int]
) -> None:
    signal = np.maximum(matrix @ light_of(rgb), 0) ** (1 / 2.4)
    shown, _ = decoded_colour(coded(tmp_path / "v.mkv", signal, 1, primaries))
    assert np.abs(shown - rgb).max() <= 3, shown


def test_colours_that_bt709_lacks_are_its_nearest(tmp_path: Path) -> None:
    shown, _ = decoded_colour(coded(tmp_path / "v.mkv", np.array((0.0, 1.0, 0.0)), 1, BT2020))
    assert shown.tolist() == [0, 255, 0]


@pytest.mark.parametrize(("pix_fmt", "top"), [("gbrp10le", 1023), ("gbrp12le", 4095)])
def test_rgb_is_tone_mapped_too(tmp_path: Path, pix_fmt: str, top: int) -> None:
    signal = pq(np.full(3, 203 * light_of((128, 128, 128))[0]))
    planes = [round(float(value) * top) for value in signal]
    path = encode_planes(tmp_path / "v.mkv", planes, pix_fmt=pix_fmt, transfer=PQ, primaries=BT2020)
    shown, facts = decoded_colour(path)
    assert facts["matrix"] == "rgb"
    assert np.abs(shown - 128).max() <= 3
