"""Small videos and pictures for the ingestion tests, made on the spot."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def ramp(frames: int = 6, height: int = 32, width: int = 48) -> np.ndarray:
    """(T, H, W, 3) uint8: frame t is the grey level 20 + 15 t everywhere, so that a decoded frame tells its number."""
    levels = (20 + 15 * np.arange(frames)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, height, width, 3)).copy()


def numbers(frames: np.ndarray) -> list[int]:
    """The inverse of `ramp`, from the mean level."""
    return [round((float(frame.mean()) - 20) / 15) for frame in frames]


def corners(height: int = 32, width: int = 48) -> np.ndarray:
    """(H, W, 3) uint8: red top left, green top right, blue bottom left, black bottom right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = RED
    picture[: height // 2, width // 2 :] = GREEN
    picture[height // 2 :, : width // 2] = BLUE
    return picture


def encode(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    rate: Fraction | int = 10,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    rotation: int | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Encode (T, H, W, 3 or 4) uint8; `times` are presentation times in units of 1 / rate."""
    height, width = frames.shape[1:3]
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for index, pixels in enumerate(frames):
            layout = "rgba" if pixels.shape[-1] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout).reformat(format=pix_fmt)
            frame.pts = times[index] if times is not None else index
            frame.time_base = 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def encode_planes(
    path: Path,
    planes: Sequence[int],
    *,
    pix_fmt: str,
    codec: str = "ffv1",
    size: tuple[int, int] = (32, 48),
    colorspace: int | None = None,
    color_range: int | None = None,
    transfer: int | None = None,
    primaries: int | None = None,
) -> Path:
    """Two frames whose planes hold the given constant values, with the given tags (None: untagged)."""
    height, width = size
    wide = any(bits in pix_fmt for bits in ("10", "12", "16"))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        if color_range is not None:
            stream.codec_context.color_range = color_range
        if transfer is not None:
            stream.codec_context.color_trc = transfer
        if primaries is not None:
            stream.codec_context.color_primaries = primaries
        for index in range(2):
            frame = av.VideoFrame(width, height, pix_fmt)
            for plane, value in zip(frame.planes, planes, strict=True):
                kind, unit = (np.uint16, 2) if wide else (np.uint8, 1)
                plane.update(np.full((plane.height, plane.line_size // unit), value, kind).tobytes())
            frame.pts, frame.time_base = index, Fraction(1, 10)
            if colorspace is not None:
                frame.colorspace = colorspace
            if color_range is not None:
                frame.color_range = color_range
            if transfer is not None:
                frame.color_trc = transfer
            if primaries is not None:
                frame.color_primaries = primaries
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def yuv_of(rgb: Sequence[int], kr: float, kb: float, *, full: bool, bits: int = 8) -> list[int]:
    """Y'CbCr of an R'G'B' colour by the definition (BT.601, BT.709, BT.2020: Y = KR R + (1 - KR - KB) G + KB B)."""
    red, green, blue = (value / 255 for value in rgb)
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    unit, top = 2 ** (bits - 8), 2**bits - 1
    if full:
        values = [y * top, cb * top + 128 * unit, cr * top + 128 * unit]
    else:
        values = [(16 + 219 * y) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit]
    return [min(top, max(0, round(value))) for value in values]


def rewrap(source: Path, target: Path, *, keep: int | None = None, speed: Fraction | int = 1) -> Path:
    """The same packets and tags in a new container, as tools copy them; the first `keep`, `speed` times as fast."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        made.metadata.update(given.metadata)
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in list(given.demux(video=0))[:keep]:
            if packet.size:
                packet.pts, packet.dts = round(packet.pts / speed), round(packet.dts / speed)
                packet.duration = round(packet.duration / speed)
                packet.stream = stream
                made.mux(packet)
    return target


def with_tracks(path: Path, *tracks: tuple[np.ndarray, str, str, Disposition]) -> Path:
    """Several video tracks of (frames, codec, pix_fmt, disposition) in one file, at 10 frames per second."""
    with av.open(str(path), "w") as container:
        streams = []
        for frames, codec, pix_fmt, disposition in tracks:
            stream = container.add_stream(codec, rate=10)
            stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pix_fmt
            stream.disposition = disposition
            streams.append(stream)
        for stream, (frames, *_) in zip(streams, tracks, strict=True):
            for index, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=stream.pix_fmt)
                frame.pts, frame.time_base = index, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


def claim_crop(source: Path, target: Path, top: int, bottom: int, left: int, right: int) -> Path:
    """Copy an mkv of 48x32 pixels whose header crops them; the space comes from what follows the size there."""
    data = source.read_bytes()
    at = data.index(bytes.fromhex("e08ab08130ba8120"))  # the video element: PixelWidth 48, PixelHeight 32
    after = at + 27
    assert data[after - 11 : after - 2] == bytes.fromhex("ec0100000000000002")  # padding
    sides = {"54aa": bottom, "54bb": top, "54cc": left, "54dd": right}
    crop = b"".join(bytes.fromhex(key) + bytes((0x81, value)) for key, value in sides.items())
    target.write_bytes(data[:at] + b"\xe0\x96" + data[at + 2 : at + 8] + crop + b"\xec\x81\x00" + data[after:])
    assert target.stat().st_size == len(data)
    return target


def claim_aperture(source: Path, target: Path, size: tuple[int, int], offset: tuple[int, int]) -> Path:
    """Copy an mp4, its index last, with a clean aperture of (width, height) around (right, down) of the middle."""
    box = struct.pack(">I4s8i", 40, b"clap", size[0], 1, size[1], 1, offset[0], 1, offset[1], 1)
    data = bytearray(source.read_bytes())
    start, end = 0, len(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        while data[start + 4 : start + 8] != kind:
            start += int.from_bytes(data[start : start + 4], "big")
            assert start < end
        end = start + int.from_bytes(data[start : start + 4], "big")
        data[start : start + 4] = (end - start + len(box)).to_bytes(4, "big")
        start += 16 if kind == b"stsd" else 8
    target.write_bytes(data[:end] + box + data[end:])
    return target


def claim_size(source: Path, target: Path, width: int, height: int) -> Path:
    """Copy an mkv of 48x32 pixels, its header claiming another size; the spare bytes come from the padding after it."""
    data = source.read_bytes()
    at = data.index(bytes.fromhex("b08130ba8120"))  # PixelWidth 48, PixelHeight 32
    assert data[at - 2] == 0xE0  # the video element, one byte of size
    length = data[at - 1] & 0x7F
    padding = data.index(bytes.fromhex("ec0100000000000002"), at)
    claim = b"\xb0\x83" + width.to_bytes(3, "big") + b"\xba\x83" + height.to_bytes(3, "big")
    video = bytes([0xE0, 0x80 | (length + 4)]) + claim + data[at + 6 : padding]
    target.write_bytes(data[: at - 2] + video + b"\xec\x85" + bytes(5) + data[padding + 11 :])
    assert target.stat().st_size == len(data)
    return target


def gif_bytes(size: tuple[int, int], delays: Iterable[int]) -> bytes:
    """A GIF (width, height) whose frames are one pixel each, alternately of two colours; delays in 1/100 s."""
    width, height = size
    data = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes((0, 0, 0, 255, 255, 255))
    for index, delay in enumerate(delays):
        data += b"\x21\xf9\x04" + struct.pack("<BHB", 4, delay, 0) + b"\x00"
        data += (
            b"\x2c"
            + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
            + b"\x02\x02"
            + (b"\x44\x01", b"\x4c\x01")[index % 2]
            + b"\x00"
        )
    return data + b"\x3b"
