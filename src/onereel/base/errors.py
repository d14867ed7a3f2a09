"""Errors that a user can act on: one line that says where, what is wrong and what to do."""

import errno
import os
import signal

from onereel.base.filenames import readable
from onereel.base.masking import masked

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room, or choose another disk"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a place that you may use"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "choose another name: a file and a folder collide"),
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_ALLOCATOR = "DefaultCPUAllocator"  # in what torch says where the CPU has no memory left
_LONGEST = 300  # characters of each part of an error


class OnereelError(Exception):
    """Base of every error caused by input, settings or a missing file, never by a bug.

    Args:
        where: the thing at fault as the user named it, e.g. ``"clip 'birds'"`` or ``"config/runs.tsv, row 3"``.
        problem: what is wrong with it.
        remedy: what the user can do about it.

    Attributes:
        exit_code: of a process that ends with it.
    """

    exit_code: int = 1

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(where, problem, remedy)

    def __str__(self) -> str:
        # One line that is read to its end, whatever a library's message or a cell of a sheet holds.
        where, problem, remedy = map(_shortened, (self.where, self.problem, self.remedy))
        return f"{where}: {problem}; {remedy}"


def _shortened(text: str) -> str:
    text = masked(readable(" ".join(text.split())))  # masked first: half a password is no longer known as one
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40]} … {text[-37:]}"


class ClipError(OnereelError):
    """A video that cannot be read, or is not usable as a clip."""


class ConfigError(OnereelError):
    """A sheet, a YAML file or a setting that does not fit its schema."""


class MethodError(OnereelError):
    """A method that cannot do what was asked with this clip and these settings."""


class MetricError(OnereelError):
    """Clips that a metric cannot compare."""


class WeightsError(OnereelError):
    """Weights that are missing, damaged or not what config/weights.yaml says."""


class FileError(OnereelError):
    """A file that the system does not let us read or write.

    Args:
        path: the file; empty where nobody knows which.
        problem: what cannot be done with it.
        error: what the system said, which it keeps.
    """

    def __init__(self, path: object, problem: str, error: OSError) -> None:
        self.error = error
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = _REMEDIES.get(error.errno or 0, "check the path and the disk")
        super().__init__(f"'{path}'" if path else "a file", f"{problem} ({reason})", remedy)


class StoppedError(OnereelError):
    """A training that was asked to stop and has kept its state.

    Args:
        where: what was stopped, and when.
        number: the signal that asked.
    """

    def __init__(self, where: str, number: signal.Signals) -> None:
        super().__init__(where, f"stopped by {number.name}, the state is kept", "ask for the same again to go on")
        self.exit_code = 128 + number  # as shells count


def explained(error: BaseException) -> OnereelError | None:
    """An error as a user can act on it: those above as they are, the system's in our words; None for a bug."""
    if isinstance(error, OnereelError):
        return error
    if isinstance(error, OSError):
        return FileError(os.fsdecode(error.filename or ""), "cannot be used", error)
    # torch's own errors have types that only it knows, and its import takes seconds.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _ALLOCATOR in str(error):
        return OnereelError(
            "onereel", "there is not enough memory", "take a smaller or shorter clip, or lower settings"
        )
    return None
