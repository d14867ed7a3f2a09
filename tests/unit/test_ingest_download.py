"""Sources on the web, against a server on this machine."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from onereel.errors import ClipError
from onereel.ingest import download, ingest

from .ingest_media import encode, ramp


class Server(BaseHTTPRequestHandler):
    """Serves one video, in ways good and bad."""

    content = b""
    asked: list[str] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        match self.path.partition("?")[0]:
            case "/v.mkv" | "/odd;name":
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


@pytest.mark.parametrize("page", ["unsized.mkv", "moved.mkv", "odd;name", "v.mkv?token=a%20b"])
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


def test_passwords_stay_out_of_manifests_and_messages(address: str, tmp_path: Path) -> None:
    secret = address.replace("//", "//user:secret@")
    with pytest.raises(ClipError) as caught:
        ingest(f"{secret}/none.mkv", downloads=tmp_path)
    assert "secret" not in str(caught.value)
    assert download.without_password(f"{secret}/v.mkv#sha256=0") == f"{address}/v.mkv"
    assert download.without_password("a@b.mp4") == "a@b.mp4"
