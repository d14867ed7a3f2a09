"""Sources on the web: fetched once, stored under their sha256."""

import hashlib
import http.client
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from onereel.errors import ClipError
from onereel.progress import Progress, no_progress

MAX_BYTES = 8 * 2**30
"""Largest file that is downloaded."""

_BLOCK = 1 << 20
_SECONDS_WITHOUT_DATA = 60
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")


@dataclass(frozen=True)
class Address:
    """An http(s) address, with the sha256 that its ``#sha256=`` suffix promises or None."""

    url: str
    sha256: str | None


def is_address(source: str) -> bool:
    """Whether `source` is on the web."""
    return source.lower().startswith(("http://", "https://"))


def without_password(source: str) -> str:
    """The source as messages and manifests show it: an address without its ``user:password@`` and its sha256."""
    if not is_address(source):
        return source
    scheme, _, rest = source.partition("#")[0].partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}//{host.rpartition('@')[2]}{slash}{path}"


def parse_address(source: str, where: str) -> Address:
    """Split the promised sha256 off.

    Raises: ClipError if the address has no host, or a sha256 that is none.
    """
    url, _, fragment = source.partition("#")
    digest = fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else None
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ClipError(where, f"'{digest}' is no sha256", "write #sha256= and 64 hexadecimal digits, or leave it out")
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ClipError(where, "the address has no host", "write https://host/path")
    return Address(url, digest)


def download(address: Address, folder: Path, where: str, progress: Progress = no_progress) -> Path:
    """The file at `address`, in `folder`; not fetched again if the address promises a sha256 that is there already.

    Raises: ClipError for anything that goes wrong; nothing partial stays in `folder`.
    """
    name = PurePosixPath(urlsplit(address.url).path)
    suffix = name.suffix.lower() if _SUFFIX.fullmatch(name.suffix) else ""
    if address.sha256 and (folder / f"{address.sha256}{suffix}").exists():
        return folder / f"{address.sha256}{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    with _temporary(folder, suffix) as (stream, partial), _plain_errors(where):
        digest = _fetch(address.url, stream, where, progress)
        stream.close()
        if address.sha256 not in (None, digest):
            what = f"the file at its address has sha256 {digest}, not {address.sha256}"
            raise ClipError(where, what, "check the address, or correct the sha256")
        partial.chmod(0o644)
        return partial.replace(folder / f"{digest}{suffix}")


def _fetch(url: str, stream: BinaryIO, where: str, progress: Progress) -> str:
    """Copy to `stream`; return the sha256."""
    request = urllib.request.Request(url, headers={"User-Agent": "onereel", "Accept-Encoding": "identity"})
    with _opener().open(request, timeout=_SECONDS_WITHOUT_DATA) as response:
        promised = int(response.headers.get("Content-Length") or -1)
        if promised > MAX_BYTES:
            raise _too_large(where, promised)
        digest, received = hashlib.sha256(), 0
        blocks = iter(lambda: response.read(_BLOCK), b"")
        for block in progress(blocks, total=max(promised // _BLOCK, 0), label="download (MiB)"):
            received += len(block)
            if received > MAX_BYTES:
                raise _too_large(where, received)
            digest.update(block)
            stream.write(block)
    if promised >= 0 and received != promised:
        raise ClipError(where, f"download broke off after {received:,} of {promised:,} bytes", "try again")
    return digest.hexdigest()


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https only, also after redirects: the usual one would follow them to ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


@contextmanager
def _temporary(folder: Path, suffix: str) -> Iterator[tuple[BinaryIO, Path]]:
    handle, name = tempfile.mkstemp(prefix=".download-", suffix=suffix, dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream, path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _plain_errors(where: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise ClipError(where, f"its server answers {error.code} {error.reason}", "check the address") from error
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise ClipError(where, f"cannot be downloaded ({reason})", "check the address and the network") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ClipError(where, f"cannot be downloaded ({reason})", "check the address and the network") from error


def _too_large(where: str, size: int) -> ClipError:
    what = f"has {size / 2**30:.1f} GiB or more, the limit is {MAX_BYTES / 2**30:g} GiB"
    return ClipError(where, what, "cut the part that you need with a video tool and give that file")
