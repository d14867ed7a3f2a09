"""Weights from the Hugging Face hub, through its own library, from a server on this machine that answers as the hub."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import save

from onereel.base.errors import ConfigError, WeightsError
from onereel.weights.entries import BackboneEntry
from onereel.weights.store import Weights, local_files

FIRST, SECOND = "a" * 40, "b" * 40
UNET = save({"conv.weight": torch.ones(2)})


@dataclass
class Hub:
    """One repository, ``test/tiny``: its branch ``main`` is at `commit`."""

    files: dict[str, bytes]
    commit: str = FIRST
    breaks: bool = False
    sent: list[str] = field(default_factory=list)
    asked: int = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: Hub, *args) -> None:
        self.hub = hub
        super().__init__(*args)

    def _answer(self, *, with_content: bool) -> None:
        self.hub.asked += 1
        head, _, rest = self.path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        known = head == "/test/tiny" and revision in ("main", self.hub.commit)
        if not known or name not in self.hub.files:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            self.send_header("X-Repo-Commit", self.hub.commit)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self.hub.files[name]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if with_content:
            self.hub.sent.append(name)
            self.wfile.write(content[start:])

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    served = Hub({"unet/model.safetensors": UNET, "unet/config.json": b"{}", "tokenizer/merges.txt": b"a b\r\n"})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, served))
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{httpd.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield served
    httpd.shutdown()
    httpd.server_close()


ENTRY = {
    "kind": "real", "role": "text-to-video", "title": "Tiny", "licence": "MIT", "source": "a test",
    "preprocessing": "none", "repository": "test/tiny", "family": "unet3d", "parameters": 0.1, "height": 8, "width": 8,
    "sampling_gb": 0.1, "paper_role": "none",
    "files": {"unet": "unet/model.safetensors", "unet.config": "unet/config.json", "words": "tokenizer/merges.txt"},
}  # fmt: skip


def make_store(tmp_path: Path, **about) -> Weights:
    config = tmp_path / "project/config/weights.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("{}")
    config.with_name("backbones.yaml").write_text(yaml.safe_dump({"tiny": {**ENTRY, **about}}))
    return Weights(config)


def test_a_model_is_fetched_in_the_folders_of_its_repository(hub, tmp_path):
    store = make_store(tmp_path)
    assert isinstance(store.entries["tiny"], BackboneEntry)
    folder = store.fetch("tiny")
    resolved = store.resolve("text-to-video", "real")
    assert resolved.subfolder("unet") == folder / "unet"
    assert sorted(path.name for path in (folder / "unet").iterdir()) == ["config.json", "model.safetensors"]
    assert (resolved.subfolder("tokenizer") / "merges.txt").read_bytes() == b"a b\r\n"
    assert torch.equal(resolved.tensors("unet")["conv.weight"], torch.ones(2))
    assert resolved.entry == store.entries["tiny"]
    with pytest.raises(WeightsError, match="no folder 'vae'"):
        resolved.subfolder("vae")
    (folder / "unet/config.json").unlink()
    with pytest.raises(WeightsError, match=r"'config\.json' is missing or has changed"):
        resolved.subfolder("unet")


def test_a_model_without_folders_is_in_its_own(hub, tmp_path):
    hub.files["config.json"] = b"{}"
    store = make_store(tmp_path, files={"model": "config.json"})
    folder = store.fetch("tiny")
    assert store.resolve("tiny").subfolder("") == folder


def test_what_the_cache_has_is_not_downloaded_again(hub, tmp_path):
    store = make_store(tmp_path)
    store.fetch("tiny")
    assert sorted(hub.sent) == sorted(hub.files)
    asked = hub.asked
    store.fetch("tiny", again=True)
    other = make_store(tmp_path / "other", revision=FIRST)
    other.fetch("tiny")
    assert sorted(hub.sent) == sorted(hub.files)
    assert hub.asked == asked  # a commit that is in the cache is not even asked for


def test_a_branch_is_pinned_by_the_first_fetch(hub, tmp_path):
    store = make_store(tmp_path)
    store.fetch("tiny")
    hub.commit = SECOND
    hub.files["unet/config.json"] = b'{"changed": 1}'
    store.fetch("tiny", again=True)
    assert store.resolve("tiny").path("unet.config").read_bytes() == b"{}"
    assert f'"revision": "{FIRST}"' in (store.folder / "tiny/weights.json").read_text()
    other = make_store(tmp_path / "other")
    other.fetch("tiny")
    assert f'"revision": "{SECOND}"' in (other.folder / "tiny/weights.json").read_text()


def test_a_damaged_copy_does_not_damage_the_cache(hub, tmp_path):
    store = make_store(tmp_path)
    path = store.fetch("tiny") / "unet/config.json"
    path.unlink()
    path.write_text("broken")
    assert {check.part: check.state for check in store.verify("tiny")}["unet.config"] == "damaged"
    store.fetch("tiny")
    assert path.read_text() == "{}"
    assert sorted(hub.sent) == sorted(hub.files)


def test_offline_mode_is_respected(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    store = make_store(tmp_path)
    with pytest.raises(WeightsError, match=r"part 'unet': .* the hub cannot be reached; .*--from FOLDER"):
        store.fetch("tiny")
    assert hub.asked == 0
    assert not list(store.folder.rglob("*.safetensors"))


def test_what_the_hub_does_not_have_is_said(hub, tmp_path):
    with pytest.raises(WeightsError, match=r"has no 'unet/none\.json' at revision main"):
        make_store(tmp_path, files={"unet": "unet/none.json"}).fetch("tiny")
    with pytest.raises(WeightsError, match="test/gone is gone, or is not public"):
        make_store(tmp_path, repository="test/gone").fetch("tiny")


def test_a_copy_in_a_folder_needs_no_hub(hub, tmp_path):
    copy = tmp_path / "copy"
    for name, content in hub.files.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
    store = make_store(tmp_path)
    store.fetch("tiny", local=local_files(["tiny"], [], copy))
    assert hub.asked == 0
    before = (copy / "unet/model.safetensors").stat()
    assert before.st_nlink == 1  # a user's file never becomes ours
    (copy / "tokenizer/merges.txt").unlink()
    with pytest.raises(WeightsError, match=r"no part 'words'; put 'tokenizer/merges\.txt' of test/tiny there"):
        store.fetch("tiny", local=copy, again=True)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"repository": ""}, "the entry has none"),
        ({"repository": "no slash"}, "repository"),
        ({"files": {"unet": "../../etc/passwd"}}, "leads out"),
        ({"files": {"unet": {"format": "torch"}}}, "either a url or a name"),
        ({"parameters": 0}, "parameters"),
        ({"famly": "unet3d"}, "did you mean 'family'"),
    ],
)
def test_a_wrong_list_of_backbones_names_the_entry_and_the_field(change, complaint, tmp_path):
    with pytest.raises(ConfigError, match=complaint) as caught:
        make_store(tmp_path, **change)
    assert "tiny" in str(caught.value)


def test_a_name_is_in_one_list_only(hub, tmp_path):
    store = make_store(tmp_path)
    store.config.write_text("tiny: {kind: stand-in, role: flow, title: T, seed: 0, sha256: " + "ab" * 32 + "}")
    with pytest.raises(ConfigError, match=r"backbones\.yaml, 'tiny': is in .*weights\.yaml, too"):
        Weights(store.config)
