"""From an address to checked tensors on disk."""

import os
import shutil
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.base.progress import Progress
from onereel.base.tensorfiles import first_line
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


def from_hub(where: str, repository: str, revision: str, name: str) -> tuple[Path, str]:
    """A file of a repository on the Hugging Face hub, through that library's cache: what is there is not downloaded
    again, what broke off goes on, and its settings (offline mode, mirror, token, folder) hold.

    Returns: the file in the cache, not to be changed, and the commit that it is of.
    Raises: WeightsError in one line that begins with `where`.
    """
    from huggingface_hub import errors, hf_hub_download  # half a second

    page = f"https://huggingface.co/{repository}"
    try:
        path = Path(hf_hub_download(repository, name, revision=revision))
    except errors.GatedRepoError:
        raise WeightsError(where, f"{page} asks for a consent", "give it there, and run: hf auth login") from None
    except errors.LocalEntryNotFoundError:
        problem = f"'{name}' of {repository} is not in the cache, and the hub cannot be reached"
        raise WeightsError(where, problem, "try again with a network, or name a copy with --from FOLDER") from None
    except errors.RepositoryNotFoundError:
        raise WeightsError(where, f"{page} is gone, or is not public", "name a copy with --from FOLDER") from None
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError):
        problem = f"{repository} has no '{name}' at revision {revision}"
        raise WeightsError(where, problem, "correct the list, or name a copy with --from FOLDER") from None
    except (OSError, ValueError) as error:  # broken connections, full disks, answers that are none
        raise WeightsError(
            where, f"cannot download '{name}' of {repository} ({first_line(error)})", "try again"
        ) from None
    return path, path.relative_to(next(up for up in path.parents if up.name == "snapshots")).parts[0]


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


def convert(where: str, source: Path, target: Path, format: Format, *, link: bool = False) -> int:
    """Write the tensors of `source` to `target`, or all of it where it is plain; how many tensors there are.

    Args:
        where: the thing at fault, for errors.
        source: a checked file.
        target: an empty file.
        format: how the source was saved.
        link: whether both may be one file on the disk: of a cache that nobody changes.

    Raises: WeightsError for a file that holds anything but tensors.
    """
    try:
        count = 0 if format == "plain" else count_tensors(source) if format == "safetensors" else None
        if count is not None:  # as it is: files of many gigabytes never enter memory
            _put(source, target, link)
            return count
        tensors = read_tensors(source, format)
    except ValueError as error:
        raise WeightsError(where, f"the file {error}", "do not use it; no code in it was run") from None
    write_tensors(target, tensors)
    return len(tensors)


def _put(source: Path, target: Path, link: bool) -> None:
    if link:
        with suppress(OSError):  # another disk, or one that knows no links
            target.unlink()
            os.link(source.resolve(), target)
            return
    shutil.copyfile(source, target)
