"""From an address to checked tensors on disk."""

import shutil
import urllib.error
import urllib.request
from pathlib import Path

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.base.progress import Progress
from onereel.weights.checkpoints import count_tensors, read_tensors, write_tensors
from onereel.weights.entries import Format, WeightsFile

_BLOCK = 1 << 20  # bytes per read
_TIMEOUT = 60  # seconds without an answer


def download(where: str, url: str, target: Path, progress: Progress, label: str) -> None:
    """Download `url` to `target`, watched in MiB under a label.

    Raises: WeightsError in one line that begins with `where`.
    """
    elsewhere = "try again, or fetch on a machine with a network and copy the folder data/weights"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, target.open("wb") as out:
            total = int(response.headers.get("Content-Length") or 0)
            blocks = iter(lambda: response.read(_BLOCK), b"")
            for block in progress(blocks, total=-(-total // _BLOCK), label=f"download {label}"):
                out.write(block)
    except urllib.error.HTTPError as error:
        problem = f"the server answered {error.code} {error.reason} for {url}"
        raise WeightsError(where, problem, elsewhere) from None
    except (OSError, ValueError) as error:  # URLError, time-outs, broken connections
        raise WeightsError(where, f"cannot download {url} ({error})", elsewhere) from None
    if total and target.stat().st_size != total:
        problem = f"the download stopped at {target.stat().st_size} of {total} bytes"
        raise WeightsError(where, problem, "try again")


def check_file(where: str, path: Path, file: WeightsFile, expected: str) -> tuple[str, int]:
    """The file's sha256 and size, if they are the ones expected.

    Raises: WeightsError if they are not.
    """
    if not path.is_file():
        raise WeightsError(where, f"'{path}' does not exist", "name the downloaded file")
    size, sha = path.stat().st_size, sha256_of(path)
    if file.size and size != file.size:
        problem = f"the file has {size} bytes, the sheet says {file.size}"
        raise WeightsError(where, problem, "try again; if it stays, the source has changed")
    if not sha.startswith(expected):
        problem = f"the file's sha256 is {sha[: max(12, len(expected))]}, expected {expected}"
        raise WeightsError(where, problem, "do not use it; the source has changed or was tampered with")
    return sha, size


def convert(where: str, source: Path, target: Path, format: Format) -> int:
    """Write the tensors of `source` to `target`, or all of it where it is plain; how many tensors there are.

    Raises: WeightsError for a file that holds anything but tensors.
    """
    if format == "plain":
        shutil.copyfile(source, target)
        return 0
    try:
        if format == "safetensors":  # holds only tensors already; files of many gigabytes never enter memory
            count = count_tensors(source)
            shutil.copyfile(source, target)
            return count
        tensors = read_tensors(source, format)
    except ValueError as error:
        raise WeightsError(where, f"the file {error}", "do not use it; no code in it was run") from None
    write_tensors(target, tensors)
    return len(tensors)
