"""What files hold, as sha256: of what was hashed before, and has not changed since, nothing is read again.

Snakemake looks at a file's content only where its date is new, and so misses a file that another of an older date took
the place of (``mv``, ``cp -p``, a link that points elsewhere). Digests in a job's parameters tell it.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from onereel.base.files import sha256_of, sha256_once, write_text

_YOUNG_NS = 2 * 10**9
"""A file that was changed so shortly ago may change once more within the same tick of its file system's clock."""
_SAVE_EVERY = 10.0
"""Seconds after which new digests are written: each time would take as long as all files together."""


class Digests:
    """Digests of files and folders, remembered in a file.

    A file counts as unchanged while device, inode, size and both times (content, status) are the same: no program can
    set the time of the status back.
    """

    def __init__(self, store: Path) -> None:
        """Remember in `store`, a JSON file; one that is missing or damaged holds nothing.

        What is new is written from time to time, and by `save`.
        """
        self._store = store
        try:
            known = json.loads(store.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._said: dict[str, str] = {}
        self._unsaved = False
        self._saved = time.monotonic()

    def of(self, path: str) -> str:
        """Hex sha256 of a file, or of the names and contents of the files in a folder; "" for what cannot be read.

        Hidden files, and folders in a folder, do not count. One process says the same of a path every time.
        """
        if path not in self._said:
            self._said[path] = self._of(Path(path))
            if time.monotonic() - self._saved > _SAVE_EVERY:
                self.save()
        return self._said[path]

    def _of(self, path: Path) -> str:
        try:
            return _digest(path, self._of_file)
        except (OSError, ValueError):  # ValueError: a name with a null byte
            return ""

    def _of_file(self, path: Path) -> str:
        state = _state(path)
        if not state:
            return ""
        key = str(path.absolute())
        known = self._known.get(key)
        if isinstance(known, list) and known[:-1] == state:
            return str(known[-1])
        digest = sha256_of(path)
        if _state(path) == state and state[-1] < time.time_ns() - _YOUNG_NS:
            self._known[key] = [*state, digest]
            self._unsaved = True
        return digest

    def save(self) -> None:
        """Write the store, if there is anything new, without files that are gone; where it cannot be written, the next
        process hashes again."""
        if not self._unsaved:
            return
        self._unsaved, self._saved = False, time.monotonic()
        self._known = {path: known for path, known in self._known.items() if Path(path).exists()}
        with suppress(OSError):
            write_text(self._store, json.dumps(self._known))


def digest_of(path: Path) -> str:
    """Hex sha256 of a file or a folder, as `Digests.of` says it; "" for what is neither, as a pipe.

    Raises: OSError if it cannot be read.
    """
    return _digest(path, lambda file: sha256_once(file) if _state(file) else "")


def _digest(path: Path, of_file: Callable[[Path], str]) -> str:
    if not path.is_dir():
        return of_file(path)
    content = hashlib.sha256()
    for item in sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith(".")):
        content.update(os.fsencode(item.name) + b"\0" + of_file(item).encode())
    return content.hexdigest()


def _state(path: Path) -> list[int]:
    """What changes when a file's content may have; nothing for pipes, devices and the like."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        return []
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
