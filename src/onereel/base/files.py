"""Writing files so that a reader sees the old file or the whole new one, never a part."""

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from onereel.base.errors import FileError

_UNWRITTEN = "cannot be written"
INFINITIES = ("-Infinity", "Infinity")
"""How JSON files write infinite numbers."""
_BLOCK = 4096  # bytes: less than that is a full disk


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` when the block ends without an error.

    The temporary name keeps the suffix, because writers choose their format from it. The folder is made when missing.

    Raises: FileError if the file cannot be written. Errors of other files are not touched.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The name's start is for people, and must leave room for the rest of a name of 255 bytes.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix[:20], dir=path.parent)
    except OSError as error:
        raise FileError(path, _UNWRITTEN, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner can read; results are for sharing.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except Exception as error:
        if (reason := _refusal(error, temporary)) is not None:
            raise FileError(path, _UNWRITTEN, reason) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_target(path: Path | str) -> None:
    """Refuse a path at which no file can be put, as far as can be told without trying: before hours of work.

    Raises: FileError where a folder is in the way, a folder of the path is a file, or nothing may be written there.
    """
    path = Path(path)
    if path.is_dir():
        raise FileError(path, _UNWRITTEN, OSError(errno.EISDIR, ""))
    above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise FileError(path, _UNWRITTEN, OSError(errno.ENOTDIR, ""))
    if not os.access(above, os.W_OK | os.X_OK):
        raise FileError(path, _UNWRITTEN, OSError(errno.EACCES, ""))


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text to `path` atomically; bytes of file names that are no UTF-8 become ``\\udc80`` to ``\\udcff``.

    In JSON that is how such characters are written, so `read_json` returns the name as it was.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def json_text(content: Any) -> str:
    """`content` as indented JSON, which has no words for all numbers: NaN becomes null, infinity ``"Infinity"``."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` atomically as `json_text` puts it."""
    write_text(path, json_text(content))


def read_json(path: Path | str) -> Any:
    """Read a UTF-8 JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def json_number(value: Any) -> float | None:
    """A number as `json_text` writes it, infinity too; None for what is none."""
    if value in INFINITIES:
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def sha256_of(path: Path | str) -> str:
    """Hex sha256 of a file, read in blocks so that its size does not matter."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_once(path: Path | str) -> str:
    """The same; a process reads a file once while device, inode, size and date stay the same."""
    found = Path(path).stat()
    return _sha256_of_state(str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _sha256_of_state(path: str, *_state: int) -> str:
    return sha256_of(path)


def _refusal(error: Exception, temporary: Path) -> OSError | None:
    """What the system said, if it did not let us write; None for errors of anything else."""
    if isinstance(error, OSError):
        # PyAV puts "file:" before a name; an error while writing to an open file has none.
        own = error.filename is None or str(temporary) in os.fsdecode(error.filename)
        return error if own else None
    # torch and safetensors raise errors of their own, and not all say that the disk is full.
    space = os.statvfs(temporary.parent)
    full = space.f_bavail * space.f_frsize < _BLOCK
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else None


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else INFINITIES[content > 0]
    return content
