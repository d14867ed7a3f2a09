"""The sheet of weights, fetching over a real local server, damage, hostile files, resolution."""

import functools
import hashlib
import http.server
import logging
import os
import pickle
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from onereel.base import files
from onereel.base.errors import ConfigError, WeightsError
from onereel.features.seeded import random_state
from onereel.weights import store as module
from onereel.weights.checkpoints import read_tensors
from onereel.weights.entries import MODES, RealEntry, StandInEntry
from onereel.weights.store import Weights, fingerprint

TENSORS = {"conv.weight": torch.arange(12.0).reshape(3, 4), "conv.bias": torch.ones(3, dtype=torch.float16)}


class Server:
    """A web server on this machine whose files and misbehaviour a test chooses."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.truncate, self.requests = folder, 0, 0
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self))
        threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.httpd.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args) -> None:
        self.files = server
        super().__init__(*args)

    def do_GET(self) -> None:
        self.files.requests += 1
        path = self.files.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - self.files.truncate])

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    serving = Server(folder)
    yield serving
    serving.httpd.shutdown()
    serving.httpd.server_close()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_store(tmp_path, **entries) -> Weights:
    config = tmp_path / "project" / "config" / "weights.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(entries, sort_keys=False))
    return Weights(config)


def entry(server, name="model.pth", *, format="torch", **about):
    file = {"url": f"{server.url}/{name}", "format": format}
    file |= {key: about.pop(key) for key in ("sha256", "size") if key in about}
    shown = {"licence": "MIT", "source": "a test", "preprocessing": "none", "role": "c3d", "title": "Tiny"}
    return {"kind": "real", **shown, **about, "files": {"model": file}}


def stand_in(**about):
    return {"kind": "stand-in", "role": "c3d", "title": "random C3D", "sha256": "ab" * 32, **about}


@pytest.fixture
def checkpoint(server) -> Path:
    path = server.folder / "model.pth"
    torch.save({"state_dict": TENSORS, "meta": {"epoch": 3}, "optimizer": {"lr": torch.ones(1)}}, path)
    return path


# ------------------------------------------------------------------------------------------------------- the sheet


def test_the_projects_sheet_is_valid_and_covers_what_the_papers_need():
    store = Weights()
    roles = {item.role for item in store.entries.values()}
    assert {"c3d", "inception", "i3d", "depth", "clip", "flow", "text-to-video", "latent-diffusion"} <= roles
    for name, item in store.entries.items():
        if isinstance(item, RealEntry):
            assert item.licence, name
            assert item.preprocessing, name
            for file in item.files.values():
                prefix = file.sha256[:8]
                hashed = [part for part in file.url.replace("-", "/").replace(".", "/").split("/") if len(part) >= 8]
                hexes = [part for part in hashed if set(part) <= set("0123456789abcdef") and not part.isdigit()]
                assert not hexes or prefix in [part[:8] for part in hexes], f"{name}: {file.url} against {prefix}"
    for role in ("c3d", "inception"):
        kinds = [item.kind for item in store.entries.values() if item.role == role]
        assert kinds[-1] == "stand-in", "the stand-in comes after the real ones"


def test_the_sheet_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "c3d-sports1m" in Weights().entries


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"licence": None}, "licence"),
        ({"colour": "red"}, "colour"),
        ({"files": {"model": {"url": "file:///etc/passwd", "format": "torch"}}}, "url"),
        ({"files": {"model": {"url": "http://x/y", "format": "pickle"}}}, "format"),
        ({"files": {"model": {"url": "http://x/y", "format": "torch", "sha256": "xyz"}}}, "sha256"),
        ({"files": {}}, "files"),
        ({"kind": "imaginary"}, "imaginary"),
    ],
)
def test_a_wrong_sheet_names_the_entry_and_the_field(change, complaint, server, tmp_path):
    with pytest.raises(ConfigError, match=complaint) as caught:
        make_store(tmp_path, tiny={**entry(server), **change})
    assert "tiny" in str(caught.value)


@pytest.mark.parametrize("about", [{}, {"seed": 0, "file": "a.safetensors"}])
def test_a_stand_in_has_a_seed_or_a_file(about, tmp_path):
    with pytest.raises(ConfigError, match="either a seed, a file, files, a package or a library"):
        make_store(tmp_path, tiny=stand_in(**about))


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"words": {"format": "plain"}}, "a plain file needs a path"),
        ({"words": {"format": "plain", "path": "/etc/words"}}, "leads out of the entry's folder"),
        ({"words": {"format": "plain", "path": "a/../../words"}}, "leads out of the entry's folder"),
        ({"unet": {"format": "torch", "path": "unet/model.bin"}}, "path must end so"),
        ({"words": {"format": "plain", "path": "weights.json"}}, "the record of what was fetched"),
        ({"unet": {"format": "torch"}, "b": {"format": "plain", "path": "UNet.safetensors"}}, "where part 'unet' is"),
        ({"a": {"format": "plain", "path": "a"}, "b": {"format": "plain", "path": "a/b"}}, "where part 'a' is"),
    ],
)
def test_files_that_would_be_kept_in_the_wrong_place_are_refused(parts, complaint, server, tmp_path):
    listed = {part: {"url": f"{server.url}/{part}", **about} for part, about in parts.items()}
    with pytest.raises(ConfigError, match=complaint):
        make_store(tmp_path, tiny={**entry(server), "files": listed})


def test_a_stand_in_for_nothing_that_is_listed_is_refused(server, tmp_path):
    with pytest.raises(ConfigError, match=r"'dummy': stands_in_for names 'tine'.*did you mean 'tiny'"):
        make_store(tmp_path, tiny=entry(server), dummy=stand_in(seed=0, stands_in_for=["tine"]))
    with pytest.raises(ConfigError, match="no published model"):
        make_store(tmp_path, tiny=entry(server), dummy=stand_in(seed=0, stands_in_for=["dummy"]))


def test_a_missing_or_broken_sheet_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Weights(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1,")
    with pytest.raises(ConfigError, match="is no YAML"):
        Weights(tmp_path / "bad.yaml")


# --------------------------------------------------------------------------------------------------------- fetching


def test_fetch_keeps_the_tensors_and_records_the_source(server, checkpoint, tmp_path):
    sha = sha256(checkpoint)
    store = make_store(tmp_path, tiny=entry(server, sha256=sha[:8], size=checkpoint.stat().st_size))
    folder = store.fetch("tiny")
    assert folder == tmp_path / "project/data/weights/tiny"
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "weights.json"]
    found = load_file(folder / "model.safetensors")
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[key], value) for key, value in TENSORS.items())
    resolved = store.resolve("c3d", "real")
    assert (resolved.sha256, resolved.stand_in, resolved.title) == (sha, False, "Tiny")
    assert resolved.printed == f"Tiny {sha[:12]}"
    assert set(resolved.tensors()) == set(TENSORS)
    assert [check.state for check in store.verify("all")] == ["ok"]


def test_fetching_again_downloads_nothing_unless_asked_or_damaged(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server))
    store.fetch("tiny")
    store.fetch("tiny")
    assert server.requests == 1
    store.fetch("tiny", again=True)
    assert server.requests == 2
    (store.folder / "tiny/model.safetensors").write_bytes(b"gone")
    store.fetch("tiny")
    assert server.requests == 3
    assert store.verify("tiny")[0].state == "ok"


def test_an_entry_of_several_parts_has_one_file_each(server, checkpoint, tmp_path):
    save_file({"a": torch.zeros(2)}, server.folder / "vae.safetensors")
    item = entry(server)
    item["files"]["vae"] = {"url": f"{server.url}/vae.safetensors", "format": "safetensors"}
    store = make_store(tmp_path, tiny=item)
    store.fetch("tiny")
    resolved = store.resolve("tiny", "real")
    assert set(resolved.parts) == {"model", "vae"}
    assert torch.equal(resolved.tensors("vae")["a"], torch.zeros(2))
    assert len(resolved.sha256) == 64


def several(server) -> dict[str, object]:
    """An entry with two parts of tensors and a tokenizer's words."""
    (server.folder / "unet").mkdir()
    (server.folder / "tokenizer").mkdir()
    save_file({"a": torch.zeros(2)}, server.folder / "unet/model.safetensors")
    torch.save({"b": torch.ones(2)}, server.folder / "vae.bin")
    (server.folder / "tokenizer/vocab.json").write_bytes(b'{"sky":\r\n 1}')
    listed = {
        "unet": {"url": f"{server.url}/unet/model.safetensors", "format": "safetensors"},
        "vae": {"url": f"{server.url}/vae.bin", "format": "torch", "path": "vae/model.safetensors"},
        "words": {"url": f"{server.url}/tokenizer/vocab.json", "format": "plain", "path": "tokenizer/words.json"},
    }
    return {**entry(server, role="text-to-video"), "files": listed}


def test_plain_files_are_kept_byte_for_byte_under_their_own_names(server, tmp_path):
    store = make_store(tmp_path, tiny=several(server))
    folder = store.fetch("tiny")
    words = store.resolve("tiny", "real").path("words")
    assert words == folder / "tokenizer/words.json"
    assert words.read_bytes() == b'{"sky":\r\n 1}'
    assert (folder / "vae/model.safetensors").is_file()
    assert torch.equal(store.resolve("tiny", "real").tensors("vae")["b"], torch.ones(2))
    with pytest.raises(WeightsError, match=r"no part 'model'; the parts are unet, vae, words"):
        store.resolve("tiny", "real").tensors()
    words.write_text("other")
    assert [check.part for check in store.verify("tiny") if check.state == "damaged"] == ["words"]
    with pytest.raises(WeightsError, match="has changed"):
        store.resolve("tiny", "real").path("words")
    words.unlink()
    assert [status.present for status in store.list_weights()] == [False]


def test_the_checksum_of_several_files_follows_each_of_them(server, tmp_path):
    store = make_store(tmp_path, tiny=several(server))
    store.fetch("tiny")
    before = store.resolve("tiny", "real").sha256
    (server.folder / "tokenizer/vocab.json").write_bytes(b"{}")
    (store.folder / "tiny/weights.json").unlink()
    store.fetch("tiny", again=True)
    assert len(before) == 64
    assert store.resolve("tiny", "real").sha256 != before


def test_a_folder_with_all_files_needs_no_download(server, tmp_path):
    store = make_store(tmp_path, tiny=several(server))
    copy = tmp_path / "copy"
    shutil.copytree(server.folder, copy)
    store.fetch("tiny", local=module.local_files(["tiny"], [], copy))
    assert server.requests == 0
    assert store.resolve("tiny", "real").path("words").read_bytes() == b'{"sky":\r\n 1}'
    (copy / "vae.bin").unlink()
    with pytest.raises(WeightsError, match=r"has no part 'vae'; put the file from http.*vae\.bin there"):
        store.fetch("tiny", local=copy, again=True)


def test_files_of_several_parts_are_named_by_part(server, tmp_path):
    store = make_store(tmp_path, tiny=several(server))
    given = [
        f"{part}={server.folder / path}" for part, path in {"unet": "unet/model.safetensors", "vae": "vae.bin"}.items()
    ]
    store.fetch("tiny", local=module.local_files(["tiny"], given, None))
    assert server.requests == 1  # the words
    with pytest.raises(WeightsError, match=r"has 3 files, and '.*' is one; name the part, as in unet="):
        store.fetch("tiny", local=server.folder / "vae.bin", again=True)
    for names, local, folder, complaint in (
        (["tiny", "other"], given, None, "fetch the others alone"),
        (["tiny"], given, tmp_path, "use --from or --local"),
        (["tiny"], [], tmp_path / "none", "is no folder"),
        (["tiny"], [given[0], "vae.bin"], None, "write --local PART=FILE for each"),
        (["tiny"], [given[0], given[0]], None, "write --local PART=FILE for each"),
    ):
        with pytest.raises(WeightsError, match=complaint):
            module.local_files(names, local, folder)
    assert module.local_files(["tiny"], [], None) is None


def test_a_file_whose_name_has_an_equals_sign_is_one_file(tmp_path):
    file = tmp_path / "step=3.pth"
    file.touch()
    assert module.local_files(["tiny"], [str(file)], None) == file


def test_a_process_reads_a_file_once_for_its_checksum(server, checkpoint, tmp_path, monkeypatch):
    store = make_store(tmp_path, tiny=entry(server))
    store.fetch("tiny")
    read = []
    monkeypatch.setattr(files, "sha256_of", lambda path, real=files.sha256_of: read.append(path) or real(path))
    for _ in range(3):
        store.resolve("tiny", "real").tensors()
    assert len(read) == 1


def assert_nothing_left(store):
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_a_wrong_checksum_is_refused(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server, sha256="0123abcd"))
    with pytest.raises(WeightsError, match=r"sha256 is .*expected 0123abcd.*do not use it"):
        store.fetch("tiny")
    assert_nothing_left(store)


def test_a_wrong_size_is_refused(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server, size=5))
    with pytest.raises(WeightsError, match=r"bytes, the sheet says 5"):
        store.fetch("tiny")
    assert_nothing_left(store)


def test_a_download_that_breaks_off_is_refused(server, checkpoint, tmp_path):
    server.truncate = 100
    store = make_store(tmp_path, tiny=entry(server))
    with pytest.raises(WeightsError, match=r"the download stopped at \d+ of \d+ bytes|cannot download"):
        store.fetch("tiny")
    assert_nothing_left(store)


def test_a_failed_fetch_leaves_older_weights_alone(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server))
    store.fetch("tiny")
    server.truncate = 100
    with pytest.raises(WeightsError):
        store.fetch("tiny", again=True)
    assert store.verify("tiny")[0].state == "ok"


def test_an_http_error_and_an_unreachable_server_say_so(server, tmp_path):
    store = make_store(tmp_path, tiny=entry(server, "none.pth"))
    with pytest.raises(WeightsError, match="answered 404"):
        store.fetch("tiny")
    closed = Server(tmp_path)
    closed.httpd.shutdown()
    closed.httpd.server_close()
    store = make_store(tmp_path, tiny=entry(closed))
    with pytest.raises(WeightsError, match=r"cannot download .*copy the folder data/weights"):
        store.fetch("tiny")
    assert_nothing_left(store)


def test_a_file_downloaded_by_other_means_is_checked_alike(server, checkpoint, tmp_path):
    own = tmp_path / "mine.pth"
    own.write_bytes(checkpoint.read_bytes())
    store = make_store(tmp_path, tiny=entry(server, sha256=sha256(checkpoint)))
    store.fetch("tiny", local=own)
    assert server.requests == 0
    assert own.exists()
    own.write_bytes(b"other")
    with pytest.raises(WeightsError, match="do not use it"):
        store.fetch("tiny", local=own, again=True)
    with pytest.raises(WeightsError, match="no part 'unet'"):
        store.fetch("tiny", local={"unet": own}, again=True)
    with pytest.raises(WeightsError, match="does not exist"):
        store.fetch("tiny", local=tmp_path / "nowhere", again=True)


def test_without_a_published_checksum_the_first_one_counts(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server))
    store.fetch("tiny")
    torch.save({"other": torch.zeros(3)}, checkpoint)
    with pytest.raises(WeightsError, match="expected"):
        store.fetch("tiny", again=True)


def test_a_changed_file_is_found_by_verify_and_by_use(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server))
    store.fetch("tiny")
    resolved = store.resolve("c3d", "real")
    save_file({"conv.weight": torch.zeros(1)}, store.folder / "tiny/model.safetensors")
    (check,) = store.verify("tiny")
    assert check.state == "damaged"
    with pytest.raises(WeightsError, match="has changed; run: onereel weights fetch tiny"):
        resolved.tensors()
    for record in ("{", "[]", '{"parts": []}', '{"parts": {"model": {"sha256": 3}}}', "[" * 100_000):
        (store.folder / "tiny/weights.json").write_text(record)
        with pytest.raises(WeightsError, match=r"the record is damaged .* delete '.*weights\.json' and run: onereel"):
            store.resolve("c3d", "real")


def test_a_sheet_that_names_another_file_makes_what_is_here_damaged(server, checkpoint, tmp_path):
    make_store(tmp_path, tiny=entry(server)).fetch("tiny")
    store = make_store(tmp_path, tiny=entry(server, sha256="0123abcd"))
    (check,) = store.verify("tiny")
    assert (check.state, "0123abcd" in check.detail) == ("damaged", True)


def test_a_licence_without_commercial_use_is_printed(server, checkpoint, tmp_path, caplog):
    store = make_store(tmp_path, tiny=entry(server, licence="CC-BY-NC-4.0"))
    with caplog.at_level(logging.WARNING):
        store.fetch("tiny")
    assert "CC-BY-NC-4.0: no commercial use" in caplog.text
    (status,) = store.list_weights()
    assert "no commercial use" in status.note


# ---------------------------------------------------------------------------------------------------- hostile files


class Exploit:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(server, tmp_path):
    marker = tmp_path / "executed"
    bomb = server.folder / "model.pth"
    torch.save({"conv.weight": torch.zeros(2), "payload": Exploit(marker)}, bomb)
    store = make_store(tmp_path, tiny=entry(server))
    with pytest.raises(WeightsError, match="no code in it was run"):
        store.fetch("tiny")
    bomb.write_bytes(pickle.dumps(Exploit(marker)))
    with pytest.raises(WeightsError, match="no code in it was run"):
        store.fetch("tiny")
    assert not marker.exists()
    assert_nothing_left(store)
    pickle.loads(bomb.read_bytes())  # the bomb was live
    assert marker.exists()


def test_a_torchscript_archive_gives_its_tensors_and_runs_nothing(server, tmp_path):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2).half())
    torch.jit.script(network).save(server.folder / "model.pt")
    store = make_store(tmp_path, tiny=entry(server, "model.pt", format="torchscript"))
    store.fetch("tiny")
    found, expected = store.resolve("tiny", "real").tensors(), network.state_dict()
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key].dtype == value.dtype
        assert torch.equal(found[key], value), key


def test_a_torchscript_archive_with_a_bomb_is_refused(tmp_path):
    import zipfile

    marker, path = tmp_path / "executed", tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bomb/data.pkl", pickle.dumps({"weight": Exploit(marker)}))
    with pytest.raises(ValueError, match="not allowed in a file of tensors"):
        read_tensors(path, "torchscript")
    assert not marker.exists()


@pytest.mark.parametrize("format", ["torch", "torchscript", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04" + bytes(100)])
def test_rubbish_is_refused(format, content, tmp_path):
    path = tmp_path / "rubbish"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is not a readable|asks for more|holds no tensor"):
        read_tensors(path, format)


@pytest.mark.parametrize(
    "program", [b"ctorch._utils\n_rebuild_tensor_v2\n(tR.", b"ccollections\nOrderedDict\n(I1\ntR."]
)
@pytest.mark.parametrize("format", ["torch", "torchscript"])
def test_allowed_words_with_wrong_arguments_are_refused(format, program, tmp_path):
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", program)
        archive.writestr("x/version", "3\n")
        archive.writestr("x/byteorder", "little")
    with pytest.raises(ValueError, match=r"is not a readable|asks for more"):
        read_tensors(path, format)


def test_tensors_are_found_in_nested_and_wrapped_checkpoints(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"model": {"a": {"b": torch.ones(1)}, "step": 3}}, path)
    assert list(read_tensors(path, "torch")) == ["a.b"]
    torch.save({"step": 3}, path)
    with pytest.raises(ValueError, match="holds no tensor"):
        read_tensors(path, "torch")


# ------------------------------------------------------------------------------------------------------- resolution


def test_a_method_of_a_library_stands_in_without_weights(tmp_path):
    entry = {"kind": "stand-in", "role": "flow", "title": "Old method", "library": "package.function"}
    sheet = tmp_path / "weights.yaml"
    sheet.write_text(yaml.safe_dump({"old": entry}))
    resolved = Weights(sheet).resolve("flow", "stand-in")
    assert (resolved.printed, resolved.library, resolved.stand_in) == ("Old method", "package.function", True)
    assert Weights(sheet).list_weights()[0].present
    sheet.write_text(yaml.safe_dump({"old": {**entry, "sha256": "ab" * 32}}))
    with pytest.raises(ConfigError, match="a sha256 if it has weights"):
        Weights(sheet)


def test_auto_takes_real_weights_where_they_are_and_stand_ins_elsewhere(server, checkpoint, tmp_path):
    store = make_store(tmp_path, tiny=entry(server), other=entry(server), dummy=stand_in(seed=4))
    for name in ("c3d", "dummy"):
        resolved = store.resolve(name, "auto")
        assert (resolved.name, resolved.stand_in, resolved.seed) == ("dummy", True, 4)
        assert (resolved.title, resolved.label) == ("random C3D seed 4", "random C3D")
    with pytest.raises(WeightsError, match="run: onereel weights fetch tiny"):
        store.resolve("c3d", "real")
    store.fetch("other")
    assert store.resolve("c3d", "auto").name == "other"
    assert store.resolve("c3d", "stand-in").name == "dummy"
    store.fetch("tiny")
    assert store.resolve("c3d", "real").name == "tiny"


def test_a_trained_stand_in_is_a_data_change(tmp_path):
    path = tmp_path / "project/assets/small.safetensors"
    path.parent.mkdir(parents=True)
    save_file(TENSORS, path)
    store = make_store(
        tmp_path, small=stand_in(title="small C3D", file="assets/small.safetensors", sha256=sha256(path))
    )
    resolved = store.resolve("c3d", "auto")
    assert (resolved.title, resolved.label, resolved.stand_in) == ("small C3D", "small C3D", True)
    assert set(resolved.tensors()) == set(TENSORS)
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match="has changed"):
        resolved.tensors()


def test_a_stand_in_of_several_files_has_as_many_parts(tmp_path):
    folder = tmp_path / "project/assets"
    folder.mkdir(parents=True)
    held = {}
    for number, part in enumerate(("base", "up")):
        save_file({part: torch.full((2,), number)}, folder / f"{part}.safetensors")
        held[part] = {"file": f"assets/{part}.safetensors", "sha256": sha256(folder / f"{part}.safetensors")}
    item = {"kind": "stand-in", "role": "text-to-video", "title": "small cascade", "files": held}
    store = make_store(tmp_path, small=item)
    resolved = store.resolve("text-to-video")
    assert list(resolved.parts) == ["base", "up"]
    assert torch.equal(resolved.tensors("up")["up"], torch.ones(2))
    assert (len(resolved.sha256), resolved.stand_in, resolved.seed) == (64, True, None)
    assert store.list_weights()[0].present
    (folder / "up.safetensors").unlink()
    assert not store.list_weights()[0].present
    assert set(resolved.tensors("base")) == {"base"}
    with pytest.raises(WeightsError, match=r"'up\.safetensors' is missing or has changed; restore the file"):
        resolved.tensors("up")
    with pytest.raises(ConfigError, match="each of several files its own"):
        make_store(tmp_path, small={**item, "sha256": "ab" * 32})


def test_an_entry_plays_all_its_roles(server, tmp_path):
    store = make_store(tmp_path, dummy=stand_in(seed=1, role="latent-diffusion", roles=["depth-diffusion"]))
    assert store.resolve("latent-diffusion").name == store.resolve("depth-diffusion").name == "dummy"
    with pytest.raises(WeightsError, match="did you mean 'depth-diffusion'"):
        store.resolve("depth-diffusio")


def test_a_published_model_asked_for_by_name_is_replaced_only_by_what_says_so(server, checkpoint, tmp_path):
    own, other = stand_in(seed=2, stands_in_for=["tiny"]), stand_in(seed=3)
    store = make_store(tmp_path, tiny=entry(server), lonely=entry(server), own=own, other=other)
    assert [store.resolve("tiny", mode).name for mode in ("auto", "stand-in")] == ["own", "own"]
    assert store.resolve("c3d").name == "other"  # what is for everyone comes first for the role
    for mode in ("auto", "stand-in"):
        with pytest.raises(WeightsError, match=r"nothing stands in for it; run: onereel weights fetch lonely"):
            store.resolve("lonely", mode)
    with pytest.raises(WeightsError, match="run: onereel weights fetch tiny"):
        store.resolve("tiny", "real")
    store.fetch("tiny")
    assert [store.resolve("tiny", mode).name for mode in ("auto", "stand-in")] == ["tiny", "own"]


def test_unknown_names_and_modes_are_refused(server, tmp_path):
    store = make_store(tmp_path, tiny=entry(server), dummy=stand_in(seed=0))
    with pytest.raises(WeightsError, match="did you mean 'tiny'"):
        store.fetch("tiney")
    with pytest.raises(WeightsError, match="needs no download"):
        store.fetch("dummy")
    with pytest.raises(WeightsError, match="did you mean 'c3d'"):
        store.resolve("c3dd")
    with pytest.raises(WeightsError, match="use auto, real, stand-in"):
        store.resolve("c3d", "maybe")
    assert MODES == ("auto", "real", "stand-in")
    lonely = make_store(tmp_path, tiny=entry(server))
    with pytest.raises(WeightsError, match="onereel weights fetch tiny"):
        lonely.resolve("c3d", "stand-in")


def test_the_fingerprint_depends_on_names_shapes_and_values_only():
    same = dict(reversed(TENSORS.items()))
    assert fingerprint(TENSORS) == fingerprint(same)
    assert fingerprint(TENSORS) != fingerprint({**TENSORS, "conv.bias": torch.zeros(3, dtype=torch.float16)})
    assert fingerprint({"a": torch.zeros(2, 3)}) != fingerprint({"a": torch.zeros(3, 2)})


def test_seeded_values_are_pinned():
    state = random_state(torch.nn.Linear(4, 1), 0)
    expected = torch.tensor([[0.0976270, 0.4303787, 0.2055268, 0.0897664]]) * (6 / 4) ** 0.5
    torch.testing.assert_close(state["weight"], expected)
    assert not state["bias"].any()


# --------------------------------------------------------------------------------------------- for the command line


def test_the_projects_own_store_is_described_and_verified(tmp_path, monkeypatch, server, checkpoint):
    store = make_store(tmp_path, tiny=entry(server, licence="CC-BY-NC-4.0"), dummy=stand_in(seed=0))
    monkeypatch.chdir(store.project)
    text = module.describe()
    assert "tiny" in text
    assert "no commercial use" in text
    assert module.verify() == {}
    assert module.verify(["tiny"])["tiny"].startswith("missing")
    module.fetch("tiny")
    assert module.verify()["tiny"].startswith("ok")
    assert isinstance(store.entries["dummy"], StandInEntry)


# ------------------------------------------------------------------------------------ weights that a package carries


def packaged_stand_in(tmp_path, monkeypatch, *, name="carrier_of_weights", sha=""):
    """A package that would fail if its code ran, and an entry of its file before a seeded one."""
    package = tmp_path / "site" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('nobody asked for this code')")
    torch.save(TENSORS, package / "model.pth")
    monkeypatch.syspath_prepend(package.parent)
    about = {"package": f"{name}/model.pth", "sha256": sha or sha256(package / "model.pth"), "title": "Carried"}
    return package, make_store(tmp_path, carried=stand_in(**about), seeded=stand_in(seed=0))


def test_weights_of_a_package_are_read_without_running_it(tmp_path, monkeypatch):
    package, store = packaged_stand_in(tmp_path, monkeypatch)
    found = store.resolve("c3d")
    assert (found.name, found.label, found.stand_in) == ("carried", "Carried", True)
    assert found.path() == package / "model.pth"
    assert found.tensors().keys() == TENSORS.keys()
    assert all(torch.equal(found.tensors()[key], tensor) for key, tensor in TENSORS.items())
    assert all(status.present for status in store.list_weights())


def test_without_the_package_the_next_stand_in_is_taken(tmp_path, monkeypatch):
    package, store = packaged_stand_in(tmp_path, monkeypatch, name="carrier_that_goes")
    (package / "model.pth").unlink()
    assert store.resolve("c3d").name == "seeded"
    assert {status.name: status.present for status in store.list_weights()} == {"carried": False, "seeded": True}
    with pytest.raises(WeightsError, match=r"'carried': the package carrier_that_goes is not installed"):
        store.resolve("carried")


def test_other_weights_in_the_package_are_refused(tmp_path, monkeypatch):
    _, store = packaged_stand_in(tmp_path, monkeypatch, name="carrier_of_others", sha="cd" * 32)
    with pytest.raises(WeightsError, match=r"'model\.pth' is missing or has changed"):
        store.resolve("c3d").tensors()
