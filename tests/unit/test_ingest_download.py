"""Sources on the web, against a server on this machine."""

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from onereel.base.errors import ClipError
from onereel.ingest import download, ingest

from .ingest_media import encode, ramp


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Server(BaseHTTPRequestHandler):
    """Serves one video, in ways good and bad."""

    content = b""
    asked: list[str] = []  # noqa: RUF012 - shared by all requests on purpose
    logins: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        type(self).logins.append(self.headers.get("Authorization", ""))
        match self.path.partition("?")[0]:
            case "/private.mkv":
                known = self.headers.get("Authorization") == basic("me@home", "p:ä/s %")
                self.answer(200, len(self.content), self.content) if known else self.answer(401, 0, b"")
            case "/private/moved.mkv":
                self.answer(302, 0, b"", Location="/private.mkv")
            case "/elsewhere.mkv":
                # The same server under another name.
                self.answer(302, 0, b"", Location=f"http://localhost:{self.server.server_address[1]}/v.mkv")
            case "/v.mkv" | "/odd;name" | "/a%20%C3%A9%7Bx%7D[1].mkv":
                self.answer(200, len(self.content), self.content)
            case "/unsized.mkv":
                self.answer(200, None, self.content)
            case "/broken.mkv":
                self.answer(200, len(self.content), self.content[: len(self.content) // 2])
            case "/vast.mkv":
                self.answer(200, 10**12, b"x")
            case "/moved.mkv":
                self.answer(302, 0, b"", Location="/v.mkv")
            case "/trap.mkv":
                self.answer(302, 0, b"", Location="ftp://127.0.0.1/x")
            case "/loop.mkv":
                self.answer(302, 0, b"", Location="/loop.mkv")
            case _:
                self.answer(404, 0, b"")

    def answer(self, status: int, length: int | None, body: bytes, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = encode(tmp_path_factory.mktemp("served") / "v.mkv", ramp())
    Server.content = path.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def sha256() -> str:
    return hashlib.sha256(Server.content).hexdigest()


def test_a_video_is_fetched_and_stored_under_its_sha256(address: str, tmp_path: Path) -> None:
    clip, manifest = ingest(f"{address}/v.mkv", downloads=tmp_path / "d")
    assert np.array_equal(clip.frames, ramp())
    assert [path.name for path in (tmp_path / "d").iterdir()] == [f"{sha256()}.mkv"]
    assert (manifest["sha256"], manifest["source"]) == (sha256(), f"{address}/v.mkv")


def test_what_a_promised_sha256_names_is_fetched_once(address: str, tmp_path: Path) -> None:
    source = f"{address}/v.mkv#sha256={sha256().upper()}"
    ingest(source, downloads=tmp_path)
    Server.asked.clear()
    assert ingest(source, downloads=tmp_path)[0].size == (6, 32, 48)
    assert Server.asked == []


@pytest.mark.parametrize("page", ["unsized.mkv", "moved.mkv", "odd;name", "v.mkv?token=a%20b", "a é{x}[1].mkv"])
def test_unusual_but_fine(address: str, tmp_path: Path, page: str) -> None:
    assert ingest(f"{address}/{page}", downloads=tmp_path)[0].size == (6, 32, 48)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("none.mkv", "answers 404"),
        ("broken.mkv", "broke off"),
        ("vast.mkv", "the limit is"),
        ("trap.mkv", "cannot be downloaded|answers 302"),
        ("loop.mkv", "answers 302"),
        ("v.mkv#sha256=" + "0" * 64, "has sha256"),
        ("v.mkv#sha256=123", "no sha256"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(address: str, tmp_path: Path, page: str, words: str) -> None:
    with pytest.raises(ClipError, match=words) as caught:
        ingest(f"{address}/{page}", name="far", downloads=tmp_path)
    assert "clip 'far'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_body_beyond_the_limit_is_cut_off(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", len(Server.content) - 1)
    for page in ("v.mkv", "unsized.mkv"):
        with pytest.raises(ClipError, match="the limit is"):
            ingest(f"{address}/{page}", downloads=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ClipError, match="cannot be downloaded"):
        ingest(f"http://127.0.0.1:{port}/v.mkv", downloads=tmp_path)
    with pytest.raises(ClipError, match="no host"):
        ingest("http:///v.mkv", downloads=tmp_path)


LOGIN = "me%40home:p%3A%C3%A4%2Fs%20%25@"


@pytest.mark.parametrize("page", ["private.mkv", "private/moved.mkv"])
def test_a_user_and_a_password_in_the_address_are_given_to_the_server(address: str, tmp_path: Path, page: str) -> None:
    clip, manifest = ingest(f"{address}/{page}".replace("//", f"//{LOGIN}", 1), downloads=tmp_path)
    assert clip.size == (6, 32, 48)
    assert manifest["source"] == f"{address}/{page}"
    assert "%40home" not in str(manifest)
    with pytest.raises(ClipError, match=r"answers 401 .*; check the user and the password"):
        ingest(f"{address}/{page}".replace("//", "//me%40home:wrong@", 1), downloads=tmp_path)


def test_a_user_alone_is_a_user_without_a_password(address: str, tmp_path: Path) -> None:
    Server.logins.clear()
    ingest(f"{address}/v.mkv".replace("//", "//me@"), downloads=tmp_path)
    assert Server.logins == [basic("me", "")]


def test_a_password_does_not_go_to_another_host(address: str, tmp_path: Path) -> None:
    Server.logins.clear()
    ingest(f"{address}/elsewhere.mkv".replace("//", "//me:secret@"), downloads=tmp_path)
    assert Server.logins == [basic("me", "secret"), ""]


@pytest.mark.parametrize(
    "secret",
    [
        "http://user:hush@127.0.0.1:PORT/none.mkv",
        "http://user:hush@127.0.0.1:PORT/none.mkv?token=hush&X-Amz-Signature=hush&sig=hush",
        "http://user:hu/sh@127.0.0.1:PORT/none.mkv",
        "http://user:hu#hush@127.0.0.1:PORT/none.mkv",
        "http://user:hush it@127.0.0.1:PORT/none.mkv",
        "http://user:hush@/none.mkv",
        "ftp://user:hush@127.0.0.1/none.mkv",
    ],
)
def test_passwords_and_tokens_stay_out_of_messages(address: str, tmp_path: Path, secret: str) -> None:
    with pytest.raises(ClipError) as caught:
        ingest(secret.replace("PORT", address.rpartition(":")[2]), downloads=tmp_path)
    assert "hu" not in str(caught.value)
    assert re.search(r"\(\w+://\S+\): ", str(caught.value)), "the address is there, whole but for its secrets"


def test_what_is_shown_of_an_address() -> None:
    shown = {
        "http://u:p@host/v.mkv#sha256=0": "http://host/v.mkv",
        "http://u:p@w@host/v.mkv": "http://host/v.mkv",
        "http://host/@user/a@2x.mkv?x=1": "http://host/@user/a@2x.mkv?x=1",
        "http://[::1]:80/a@b.mkv": "http://[::1]:80/a@b.mkv",
        "http://host/v?id=7&Token=abc&monkey=1": "http://host/v?id=7&Token=***&monkey=1",
        "a@b.mp4": "a@b.mp4",
        "take?token=2#1.mp4": "take?token=2#1.mp4",
        "scene:birds?seed=3": "scene:birds?seed=3",
    }
    assert {source: download.without_password(source) for source in shown} == shown
