"""What the bytes of a file say about it without decoding: does it end where its own structure says it ends, are its
checksums right? Decoders stop at the end of the data, and pass over damage, without a word.
"""

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"uuid", b"sidx", b"mfra"}
_TS_PACKETS = {188: 0, 192: 4, 204: 0}
"""Length of a transport stream's packet (broadcast, cameras, with error correction) -> place of its sync byte."""
_TS_SYNC, _TS_SEEN = 0x47, 5
EBML_HEADER, TRACKS = 0x1A45DFA3, 0x1654AE6B
_SEGMENT, _UNKNOWN_SIZE = 0x18538067, -1
_IN_SEGMENT = {
    0x114D9B74: "SeekHead", 0x1549A966: "Info", TRACKS: "Tracks", 0x1254C367: "Tags", 0x1F43B675: "Cluster",
    0x1C53BB6B: "Cues", 0x1043A770: "Chapters", 0x1941A469: "Attachments", 0xEC: "Void", 0xBF: "CRC-32",
}  # fmt: skip
_FLV_TAGS = (8, 9, 18)  # sound, pictures, data
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_SLICE_FOOTER = 8  # bytes: size (3), error status (1), checksum (4)
_LARGEST_JPEG = 1 << 26  # bytes read of one
_PICTURE_INDEX = 1 << 20  # bytes that hold an AVIF's properties, which come first
_MOTION_JPEG = (".mjpeg", ".mjpg")
_NEXT_JPEG = re.compile(rb"[\0\xff]{,16}\xff\xd8\xff")
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # what may not stand in coded data


def missing_part(path: Path) -> str | None:
    """What is missing from a truncated mp4, mov, mkv, webm, avi, flv, ogg, ts, GIF, PNG or WebP, in words; else None.

    Formats without such a structure give None: damage shows when they are decoded.
    """
    length = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        stream.seek(0)
        if head[4:8] in _BOXES:
            return _iso_media(stream, length)
        if head[:4] == EBML_HEADER.to_bytes(4, "big"):
            return _matroska(stream, length)
        if head[:4] == b"RIFF":
            return _riff(stream, length)
        if head[:4] == b"GIF8":
            return _gif(stream, length)
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(stream, length)
        if head[:4] == b"OggS":
            return _ogg(stream, length)
        if head[:3] == b"FLV":
            return _flv(stream, length)
        return _transport_stream(stream, length)


def broken_checksum(path: Path) -> str | None:
    """Which part of a Matroska file is not what was written, in words, by the checksums in it (RFC 8794, 11.3.1).

    None where all are right, or parts have none. The file must be whole (`missing_part`).
    """
    segment_end = reached = 0
    with path.open("rb") as stream:
        for kind, size, start in elements(stream):
            if size == _UNKNOWN_SIZE:
                return None
            if kind == _SEGMENT:
                segment_end, reached = start + size, start
                continue
            reached = start + size
            if reached > segment_end:
                break
            content = stream.read(size)
            if content[:2] == b"\xbf\x84" and zlib.crc32(content[6:]) != int.from_bytes(content[2:6], "little"):
                return f"the checksum of its {_IN_SEGMENT[kind]} at byte {start:,} is wrong"
    return f"its Matroska structure is broken before byte {reached:,}" if reached != segment_end else None


def damaged_slice(packet: bytes) -> bool:
    """Whether a slice of an FFV1 packet, version 3, has not the checksum in its footer (RFC 9043, 4.9).

    False where there are no checksums.
    """
    end, damaged = len(packet), False
    while end:
        if end < _SLICE_FOOTER:
            return False
        start = end - _SLICE_FOOTER - int.from_bytes(packet[end - 8 : end - 5], "big")
        if start < 0:
            return False
        # Its CRC takes the highest bit first, zlib's the lowest, and begins with 0.
        damaged |= zlib.crc32(packet[start:end].translate(_MIRRORED), 0xFFFFFFFF) != 0xFFFFFFFF
        end = start
    return damaged


def is_motion_jpeg(path: Path) -> bool:
    """Whether a file is a row of JPEG pictures, which is a video; one with a thumbnail, or a camera's pair, is none."""
    with path.open("rb") as stream:
        data = stream.read(3)
        if data != b"\xff\xd8\xff":
            return False
        if path.suffix.lower() in _MOTION_JPEG:
            return True
        data += stream.read(_LARGEST_JPEG)
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xD9:
            return bool(_NEXT_JPEG.match(data, position + 2))
        size = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xE2 and data[position + 4 : position + 8] == b"MPF\0":
            return False
        position += 2 + size
        if marker == 0xDA:
            found = _JPEG_MARKER.search(data, position)
            position = found.start() if found else len(data)
    return False


def picture_colours(path: Path) -> tuple[int, int] | None:
    """(primaries, transfer) of an AVIF by H.273's numbers, as its first colour property has them (ISO/IEC 14496-12,
    12.1.5); None where none says.
    """
    with path.open("rb") as stream:
        content = stream.read(_PICTURE_INDEX)
    for kind, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        content = next((inner for found, inner in boxes(content) if found == kind), b"")[skipped:]
    for kind, inner in boxes(content):
        if kind == b"colr" and inner[:4] == b"nclx" and len(inner) >= 8:
            primaries, transfer = struct.unpack_from(">HH", inner, 4)
            return primaries, transfer
    return None


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of the boxes in a row (ISO/IEC 14496-12, 4.2), up to the first that has no size of its own."""
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        if size < 8:
            return
        yield kind, content[position + 8 : position + size]
        position += size


def is_apng(path: Path) -> bool:
    """Whether a file is a PNG with an animation (an ``acTL`` chunk before the first picture data)."""
    with path.open("rb") as stream:
        if stream.read(8) != b"\x89PNG\r\n\x1a\n":
            return False
        while len(head := stream.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"acTL", b"IDAT"):
                return kind == b"acTL"
            stream.seek(size + 4, os.SEEK_CUR)
    return False


def _iso_media(stream: BinaryIO, length: int) -> str | None:
    """Top-level boxes (ISO/IEC 14496-12, 4.2) must end within the file, and one of them must be the index, of a
    video or (``meta``) of a picture."""
    position = 0
    found: set[bytes] = set()
    while position + 8 <= length:
        stream.seek(position)
        size, kind = struct.unpack(">I4s", stream.read(8))
        if kind not in _BOXES and b"moov" in found:
            break  # padding or anything else after the last box
        if size == 1:
            size = int.from_bytes(stream.read(8), "big")
        elif size == 0:  # to the end of the file
            size = length - position
        found.add(kind)
        if size < 8:
            break
        if position + size > length:
            return _short(f"its '{kind.decode('ascii', 'replace')}' box", position + size, length)
        position += size
    return None if found & {b"moov", b"meta"} else "it has no index ('moov' box), which a complete file has"


def _matroska(stream: BinaryIO, length: int) -> str | None:
    """The segment and the elements in it (RFC 8794) must end within the file, as far as they say where they end."""
    for kind, size, start in elements(stream):
        if size != _UNKNOWN_SIZE and start + size > length:
            return _short("its Matroska structure", start + size, length)
        if kind == _SEGMENT and size != _UNKNOWN_SIZE:
            return None
    return None


def elements(stream: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """(identifier, size, start of the content) of the first segment and of what is in it, the stream at the content.

    They end with the segment, with what is no part of one, or where a live recording does not say how long a part is.
    """
    end = length = stream.seek(0, os.SEEK_END)  # sizes in a damaged file may be beyond anything that can be sought
    stream.seek(0)
    while stream.tell() < end and (element := element_at(stream)) is not None:
        kind, size, start = element
        if kind == _SEGMENT:
            yield element
            end = end if size == _UNKNOWN_SIZE else min(length, start + size)
        elif kind == EBML_HEADER:
            stream.seek(min(length, start + size))
        elif kind in _IN_SEGMENT:
            yield element
            if size == _UNKNOWN_SIZE:
                return
            stream.seek(min(length, start + size))
        else:
            return


def element_at(stream: BinaryIO) -> tuple[int, int, int] | None:
    """(identifier, size of the content, where the content starts) of the element at the stream's position."""
    kind = _vint(stream, keep_marker=True)
    size = _vint(stream, keep_marker=False)
    return None if kind is None or size is None else (kind, size, stream.tell())


def _vint(stream: BinaryIO, *, keep_marker: bool) -> int | None:
    """EBML's integers of variable length: as many bytes as the first has leading zeros, plus one."""
    first = stream.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    rest = stream.read(extra)
    if len(rest) < extra:
        return None
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    bits = 7 * (extra + 1)
    value &= (1 << bits) - 1
    return _UNKNOWN_SIZE if value == (1 << bits) - 1 else value


def _riff(stream: BinaryIO, length: int) -> str | None:
    """RIFF chunks in a row (one for WebP; AVI files beyond 1 GB have several) must end within the file."""
    position = 0
    while position + 8 <= length:
        stream.seek(position)
        kind, size = struct.unpack("<4sI", stream.read(8))
        if kind != b"RIFF" or size in (0, 0xFFFFFFFF):  # unfinished recordings leave the size open
            return None
        if position + 8 + size > length:
            return _short("its RIFF header", position + 8 + size, length)
        position += 8 + size + size % 2
    return None


def _gif(stream: BinaryIO, length: int) -> str | None:
    """Blocks (GIF89a specification) up to the trailer, which some encoders leave out."""
    lost = "it ends within a GIF picture"
    pictures = 0
    screen = stream.read(13)
    if len(screen) < 13:
        return lost
    stream.seek(_palette_bytes(screen[10]), os.SEEK_CUR)
    while True:
        block = stream.read(1)
        match block:
            case b"\x3b":
                return None
            case b"\x21":
                stream.seek(1, os.SEEK_CUR)
            case b"\x2c":
                pictures += 1
                descriptor = stream.read(9)
                if len(descriptor) < 9:
                    return lost
                stream.seek(_palette_bytes(descriptor[8]) + 1, os.SEEK_CUR)
            case b"\x00":
                continue  # encoders pad with empty blocks
            case b"":
                return None if pictures else lost
            case _:
                return "its GIF blocks are damaged"
        if not _skip_sub_blocks(stream, length):
            return lost if block == b"\x2c" or not pictures else None


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(stream: BinaryIO, length: int) -> bool:
    while size := stream.read(1):
        if size == b"\x00":
            return True
        if stream.seek(size[0], os.SEEK_CUR) > length:
            return False
    return False


def _png(stream: BinaryIO, length: int) -> str | None:
    """Chunks up to IEND."""
    position = 8
    while position + 12 <= length:
        stream.seek(position)
        size, kind = struct.unpack(">I4s", stream.read(8))
        position += 12 + size
        if kind == b"IEND":
            return None
    return "it ends before the PNG's last chunk"


def _ogg(stream: BinaryIO, length: int) -> str | None:
    """Pages (RFC 3533, 6) in a row; the last must be whole."""
    position = 0
    while position < length:
        stream.seek(position)
        header = stream.read(27)
        if header[:4] != b"OggS"[: len(header)]:
            return None  # anything after the last page
        lacing = stream.read(header[26]) if len(header) == 27 else b""
        if len(header) < 27 or len(lacing) < header[26]:
            return "it ends within the header of an Ogg page"
        position += 27 + len(lacing) + sum(lacing)
    return _short("its last Ogg page", position, length) if position > length else None


def _flv(stream: BinaryIO, length: int) -> str | None:
    """Tags in a row (Adobe's specification, annex E), each followed by its length; the last must be whole."""
    stream.seek(5)
    position = int.from_bytes(stream.read(4), "big") + 4
    while position + 11 <= length:
        stream.seek(position)
        kind, size = struct.unpack(">B3s", stream.read(4))
        if kind & 0x1F not in _FLV_TAGS:
            return None  # anything after the last tag
        position += 11 + int.from_bytes(size, "big")
        if position > length:
            return _short("its last FLV tag", position, length)
        position += 4
    return None


def _transport_stream(stream: BinaryIO, length: int) -> str | None:
    """Packets (ISO/IEC 13818-1, 2.4.3.2) in a row, from the first whole one on; the last must be whole.

    What does not begin as a packet does is no part of one.
    """
    head = stream.read((_TS_SEEN + 1) * max(_TS_PACKETS))
    for size, sync in _TS_PACKETS.items():
        for start in range(size):
            seen = head[start + sync :: size][:_TS_SEEN]
            if len(seen) == min(_TS_SEEN, -(-(length - start - sync) // size)) >= 3 and set(seen) == {_TS_SYNC}:
                left = (length - start) % size
                stream.seek(length - left + sync)
                if left > sync and stream.read(1)[0] == _TS_SYNC:
                    return f"its last packet has {left} of {size} bytes"
                return None
    return None


def _short(part: str, promised: int, length: int) -> str:
    return f"{part} promises {promised:,} bytes, the file has {length:,}"
