"""Sources on the web: fetched once, stored under their sha256."""

import base64
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
from urllib.parse import quote, unquote, urlsplit

from onereel.base.errors import ClipError
from onereel.base.masking import masked
from onereel.base.progress import Progress, no_progress

MAX_BYTES = 8 * 2**30
"""Largest file that is downloaded."""

_BLOCK = 1 << 20
_SECONDS_WITHOUT_DATA = 60
_HOST = re.compile(r"([^/?#]*)([/?#]?)(.*)", re.DOTALL)
_URL_SIGNS = "%!$&'()*+,;=:@/?~[]"
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
    """The source as messages and manifests show it: an address without its passwords and tokens, and its sha256."""
    if "://" not in source:
        return source
    return split_login(masked(source).partition("#")[0])[0]


def split_login(url: str) -> tuple[str, str]:
    """An address without its ``user:password@``, and what stood before the @."""
    scheme, slashes, rest = url.partition("://")
    host, delimiter, path = _HOST.match(rest).groups()  # type: ignore[union-attr]
    login, _, host = host.rpartition("@")
    return f"{scheme}{slashes}{host}{delimiter}{path}", login


def parse_address(source: str, where: str) -> Address:
    """Split the promised sha256 off.

    Raises: ClipError if the address has no host or an impossible port, or a sha256 that is none.
    """
    url, _, fragment = source.partition("#")
    digest = fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else None
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ClipError(where, f"'{digest}' is no sha256", "write #sha256= and 64 hexadecimal digits, or leave it out")
    try:
        parts = urlsplit(split_login(url)[0])
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        host = None
        if "port" in str(error).lower():
            remedy = "write https://host:80/path, and / @ # ? in a password as %2F %40 %23 %3F"
            raise ClipError(where, "the address has an impossible port", remedy) from None
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
    with _opener().open(_request(url), timeout=_SECONDS_WITHOUT_DATA) as response:
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


def _request(url: str) -> urllib.request.Request:
    """What asks for `url`, with its ``user:password@`` as the header that a server understands."""
    bare, login = split_login(url)
    scheme, slashes, rest = bare.partition("://")
    host, delimiter, path = _HOST.match(rest).groups()  # type: ignore[union-attr]
    # What browsers send for a space or an accent; % stays, because who writes one has quoted already.
    bare = f"{scheme}{slashes}{host}{delimiter}{quote(path, safe=_URL_SIGNS)}"
    request = urllib.request.Request(bare, headers={"User-Agent": "onereel", "Accept-Encoding": "identity"})
    if login:
        user, _, password = login.partition(":")
        words = f"{unquote(user)}:{unquote(password)}".encode()
        # Unredirected: a password is for the host that it was given for.
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(words).decode("ascii"))
    return request


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; takes a password along where they stay on the host."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """The next request, or None."""
        bare, login = split_login(newurl)
        following = super().redirect_request(req, fp, code, msg, headers, bare)
        if following is None:
            return None
        if login:
            return _request(newurl)
        header = req.unredirected_hdrs.get("Authorization")
        if header and (following.type, following.host) == (req.type, req.host):
            following.add_unredirected_header("Authorization", header)
        return following


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https only, also after redirects: the usual one would follow them to ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        _Redirects,
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
        remedy = "check the user and the password (https://user:password@host/path)" if error.code == 401 else ""
        what = f"its server answers {error.code} {error.reason}"
        raise ClipError(where, what, remedy or "check the address") from error
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise ClipError(where, f"cannot be downloaded ({reason})", "check the address and the network") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ClipError(where, f"cannot be downloaded ({reason})", "check the address and the network") from error


def _too_large(where: str, size: int) -> ClipError:
    what = f"has {size / 2**30:.1f} GiB or more, the limit is {MAX_BYTES / 2**30:g} GiB"
    return ClipError(where, what, "cut the part that you need with a video tool and give that file")
