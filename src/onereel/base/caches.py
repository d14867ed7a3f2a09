"""Where libraries keep compiled code and fonts, if the home folder is no place for it."""

import os
import stat
import tempfile
from pathlib import Path

_CACHE = "XDG_CACHE_HOME"  # read by numba, torch, matplotlib and huggingface_hub
_OTHERS = {"MPLCONFIGDIR": "matplotlib", "TRITON_HOME": "triton"}


def use_writable_caches() -> None:
    """Point libraries to a folder among the temporary files where the user's cache folder cannot be written.

    Without one numba refuses to compile what asks to be kept: with a package in a read-only place, which is where numba
    looks first, not even a clip could be scaled. Must run before the libraries are imported; what a user has set stays.
    """
    if _usable() or (spare := _spare()) is None:
        return
    os.environ[_CACHE] = str(spare)
    for name, folder in _OTHERS.items():
        os.environ.setdefault(name, str(spare / folder))


def _usable() -> bool:
    """Whether the user's cache folder, or the home folder that it would be made in, can be written."""
    try:
        home = Path("~").expanduser()
        folder = Path(os.environ.get(_CACHE) or home / ".cache")
        if folder.parent == home and not home.is_dir():
            return False  # nobody's home is made here
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: this user has no home
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _spare() -> Path | None:
    """A folder of this user alone, the same for all processes: what is kept there is code, so nobody else may write."""
    try:
        folder = Path(tempfile.gettempdir()) / f"onereel-cache-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if private else Path(tempfile.mkdtemp(prefix="onereel-cache-"))
