"""The command line where the system is against it: signals, odd names, no room, no home, numbers out of range."""

import errno
import io
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from onereel.base import caches
from onereel.cli import app as cli

CLIP = "scene:balloons?seed=1&frames=5&height=24&width=32"
BYTES = os.fsdecode(b"caf\xe9")  # a name in Latin-1


@pytest.fixture
def onereel(monkeypatch, tmp_path):
    """Runs the command line in this process and in `tmp_path`: ``onereel(*arguments)`` -> (exit code, out, err)."""
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(*arguments, encoding="utf-8", stdout=None):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        monkeypatch.setattr(sys, "argv", ["onereel", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdout", stdout or out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as end:
            cli.main()
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())
        return end.value.code or 0, *texts

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_stopped_training_goes_on_and_serves_samples_of_all_seeds(onereel, monkeypatch, tmp_path):
    channels = ("--set", "steps=[2]", "--set", "channels=4", "--set", "channels_max=4")
    arguments = ("generate", CLIP, "--method", "singan_gif", "--samples", "1", "--models", "m", "--out", "o", *channels)

    def stopping(items, **about):
        for item in items:
            os.kill(os.getpid(), signal.SIGTERM)  # while the step is taken
            yield item

    with monkeypatch.context() as patched:
        patched.setattr("onereel.cli.generate.terminal_progress", stopping)
        code, _, err = onereel(*arguments)
    assert code == 128 + signal.SIGTERM
    stop = "level 1 of 2, step 1 of 2: stopped by SIGTERM, the state is kept; ask for the same again to go on"
    assert err == f"onereel: singan_gif pyramid, {stop}\n"
    assert [path.name for path in Path("m").rglob("*.pt")] == ["checkpoint.pt"]
    for seed in (1, 2):
        assert onereel(*arguments, "--seed", seed)[0] == 0
    (record,) = Path("m").glob("*.json")
    assert json.loads(record.read_text())["seed"] == 0
    assert {path.stem for path in Path("o").glob("*.mkv")} == {"1", "2"}


def test_names_that_are_no_text_are_names(onereel, tmp_path):
    """Bytes of Latin-1 in a source's and a folder's name."""
    assert onereel("scenes", "render", CLIP, "src.mkv")[0] == 0
    Path("src.mp4").rename(f"{BYTES}.mp4")
    code, out, err = onereel("ingest", f"{BYTES}.mp4", f"{BYTES}/a.mkv")
    assert (code, out, err) == (0, "caf\\udce9/a.mkv: 5 frames, 32x24, 12.000 fps\n", "")
    assert json.loads(Path(BYTES, "a.json").read_text())["source"] == f"{BYTES}.mp4"
    code, _, err = onereel("generate", CLIP, "--method", "singan_gif", "--out", BYTES)
    assert code == 1
    assert "not UTF-8" in err
    assert not Path(BYTES, "models").exists()


def test_a_terminal_of_ascii_gets_its_help(onereel):
    code, out, _ = onereel("scenes", "render", "--help", encoding="ascii")
    assert (code, "NAME?seed=" in out) == (0, True)


def test_places_where_no_file_can_be_end_in_one_line_before_any_work(onereel, tmp_path, monkeypatch):
    Path("file").touch()
    Path("d.mp4").mkdir()
    monkeypatch.setattr("onereel.ingest.ingest", pytest.fail)
    monkeypatch.setattr("onereel.jobs.asking.draw_many", pytest.fail)
    for arguments, message in {
        ("ingest", CLIP, "file/a.mkv"): "'file/a.mkv': cannot be written (Not a directory)",
        ("ingest", CLIP, "d.mkv"): "'d.mp4': cannot be written (Is a directory)",
        ("generate", CLIP, "--method", "vgpnn", "--out", "file/s"): "'file/s/0.mkv': cannot be written (Not a dir",
        ("evaluate", "--reference", CLIP, "--samples", "file", "--out", "file/m.json"): "'file/m.json': cannot be wr",
    }.items():
        code, out, err = onereel(*arguments)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"onereel: {message}")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "d.mp4"}


def test_a_full_disk_behind_standard_output_is_one_line(onereel):
    class Full(io.TextIOWrapper):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            """Closing would flush, and so would `reconfigure`."""

        def reconfigure(self, **options):
            pass

    code, _, err = onereel("scenes", "list", stdout=Full(io.BytesIO()))
    line = "onereel: a file: cannot be used (No space left on device); make room, or choose another disk\n"
    assert (code, err) == (1, line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", CLIP, "--method", "vgpnn", "--seed", 2**63, "--out", "o"), "seed 9223372036854775808 is out of"),
        (("generate", CLIP, "--method", "vgpnn", "--seed", 2**63 - 1, "--samples", "2", "--out", "o"), "out of range"),
        (("generate", CLIP, "--method", "sinfusion", "--training-seed", 2**70, "--out", "o"), "--training-seed: seed"),
        (("generate", CLIP, "--method", "vgpnn", "--device", "meta", "--out", "o"), "use auto, cpu or a CUDA device"),
        (("generate", CLIP, "--method", "sinfusion", "--set", f"frames={2**31}", "--out", "o"), "more than 2147483647"),
        (("scenes", "render", f"{CLIP}&fps=1001", "a.mkv"), "1000 at most"),
        (("scenes", "render", f"{CLIP}&fps={10**30}/7", "a.mkv"), "1000 at most"),
        (("scenes", "sheet", "a.png", "--count", 10**9), "count is 1000000000; use 1 to 1000"),
        (("scenes", "sheet", "a.png", "--height", 10**30), "use 8 to 1080"),
    ],
)
def test_numbers_out_of_range_end_in_one_line(onereel, tmp_path, arguments, message):
    code, out, err = onereel(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message in err
    assert not list(tmp_path.iterdir())


def test_memory_that_is_not_there_ends_in_one_line(onereel, monkeypatch):
    def allocate(*_args, **_kwargs):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("onereel.ingest.ingest", allocate)
    code, _, err = onereel("ingest", CLIP, "a.mkv")
    assert (code, err.count("\n")) == (1, 1)
    assert "not enough memory" in err


def test_caches_go_to_a_private_folder_where_home_is_no_place(tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_HOME"):
        monkeypatch.setenv(name, "")  # is put back after the test
        monkeypatch.delenv(name)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    caches.use_writable_caches()
    assert "XDG_CACHE_HOME" not in os.environ, "a home that can be used is used"
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    caches.use_writable_caches()
    found = Path(os.environ["XDG_CACHE_HOME"])
    assert found.parent == tmp_path
    assert found.stat().st_mode & 0o777 == 0o700
    assert os.environ["MPLCONFIGDIR"] == str(found / "matplotlib")
    assert not (tmp_path / "nobody").exists()
    found.chmod(0o777)  # somebody else could put code there
    monkeypatch.delenv("XDG_CACHE_HOME")
    caches.use_writable_caches()
    assert Path(os.environ["XDG_CACHE_HOME"]) != found
