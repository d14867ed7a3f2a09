"""Does a file end where its own structure says it ends? Found without decoding, so that half a file is never taken
for a whole one: decoders stop at the end of the data without a word.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

_BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"uuid", b"sidx", b"mfra"}
_TS_PACKET = 188
_EBML_HEADER, _SEGMENT, _UNKNOWN_SIZE = 0x1A45DFA3, 0x18538067, -1


def missing_part(path: Path) -> str | None:
    """What is missing from a truncated mp4, mov, mkv, webm, avi, GIF, PNG, WebP or ts, in words; None if nothing is.

    Formats without such a structure give None: damage shows when they are decoded.
    """
    length = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        stream.seek(0)
        if head[4:8] in _BOXES:
            return _iso_media(stream, length)
        if head[:4] == _EBML_HEADER.to_bytes(4, "big"):
            return _matroska(stream, length)
        if head[:4] == b"RIFF":
            return _riff(stream, length)
        if head[:4] == b"GIF8":
            return _gif(stream, length)
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(stream, length)
        if head[:1] == b"\x47" and length % _TS_PACKET and path.suffix.lower() in (".ts", ".m2t"):
            return f"its last packet has {length % _TS_PACKET} of {_TS_PACKET} bytes"
    return None


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
        if not kind.isalnum() and found:
            break  # padding after the last box
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
    while (element := _element(stream)) is not None:
        kind, size, start = element
        if size == _UNKNOWN_SIZE:
            if kind != _SEGMENT:
                return None  # a live recording: its clusters do not say how long they are
            continue
        if start + size > length:
            return _short("its Matroska structure", start + size, length)
        if kind == _SEGMENT:
            return None
        stream.seek(start + size)
    return None


def _element(stream: BinaryIO) -> tuple[int, int, int] | None:
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
    """Blocks (GIF89a specification) up to the trailer."""
    lost = "it ends before the GIF's trailer"
    screen = stream.read(13)
    if len(screen) < 13:
        return lost
    stream.seek(_palette_bytes(screen[10]), os.SEEK_CUR)
    while True:
        match stream.read(1):
            case b"\x3b":
                return None
            case b"\x21":
                stream.seek(1, os.SEEK_CUR)
            case b"\x2c":
                descriptor = stream.read(9)
                if len(descriptor) < 9:
                    return lost
                stream.seek(_palette_bytes(descriptor[8]) + 1, os.SEEK_CUR)
            case b"\x00":
                continue  # encoders pad with empty blocks
            case b"":
                return lost
            case _:
                return "its GIF blocks are damaged"
        if not _skip_sub_blocks(stream, length):
            return lost


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


def _short(part: str, promised: int, length: int) -> str:
    return f"{part} promises {promised:,} bytes, the file has {length:,}"
