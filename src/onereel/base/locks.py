"""One job in a folder at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onereel.base.errors import MethodError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: after a kill of Snakemake a cluster job goes on, and a second must not join it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MethodError(f"'{folder}'", "another job trains here", "wait for it, or cancel it") from None
        yield


@contextmanager
def waited_for(folder: Path) -> Iterator[None]:
    """Wait until no other command changes the folder's record: each writes it anew, with the names that it has read."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
