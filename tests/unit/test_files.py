"""Files appear whole or not at all; JSON has no NaN; failures leave a record."""

import errno
import json
import os
from types import SimpleNamespace

import pytest

from onereel.base.errors import ClipError, FileError
from onereel.base.files import atomic_path, json_number, read_json, sha256_of, write_json
from onereel.base.joblog import job_log


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(path) as temporary:  # noqa: PT012 - the block is what is tested
        temporary.write_text("half")
        (tmp_path / "none").read_text()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_name_keeps_the_suffix_and_the_folder_is_made(tmp_path):
    path = tmp_path / "deep" / "a.mkv"
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".mkv"
        assert temporary.parent == path.parent
        temporary.write_bytes(b"x")
        assert not path.exists()
    assert sha256_of(path) == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_json_has_no_words_for_nan_and_infinity(tmp_path):
    write_json(tmp_path / "a.json", {"a": [float("nan"), float("inf"), float("-inf"), 1.5], "b": "é"})
    written = read_json(tmp_path / "a.json")
    assert written == {"a": [None, "Infinity", "-Infinity", 1.5], "b": "é"}
    assert [json_number(value) for value in written["a"]] == [None, float("inf"), float("-inf"), 1.5]
    assert [json_number(value) for value in (True, "1", 3)] == [None, None, 3.0]
    json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)


def refuse(error):
    raise error


@pytest.mark.parametrize("path", ["file/a.txt", "folder.txt", "/proc/a.txt", "x" * 300])
def test_places_where_no_file_can_be_are_named(tmp_path, path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(FileError) as caught:
        write_json(tmp_path / path, {})
    assert str(caught.value).startswith(f"'{tmp_path / path[:100]}")
    assert "': cannot be written (" in str(caught.value)
    assert {item.name for item in tmp_path.iterdir()} == {"file", "folder.txt"}


def test_a_full_disk_is_said_whatever_a_library_makes_of_it(tmp_path, monkeypatch):
    """Writing to an open file names no file; torch says "unexpected pos", safetensors quotes Rust."""
    full = "'.*a.bin': cannot be written .No space left on device.; make room"
    with pytest.raises(FileError, match=full), atomic_path(tmp_path / "a.bin"):
        refuse(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(RuntimeError, match="unexpected pos"), atomic_path(tmp_path / "a.bin"):
        refuse(RuntimeError("unexpected pos 576 vs 534"))  # there is room: a bug
    monkeypatch.setattr("os.statvfs", lambda path: SimpleNamespace(f_bavail=0, f_frsize=4096))
    with pytest.raises(FileError, match=full), atomic_path(tmp_path / "a.bin"):
        refuse(RuntimeError("unexpected pos 576 vs 534"))
    assert not list(tmp_path.iterdir())


def test_long_names_leave_room_for_temporary_ones(tmp_path):
    path = tmp_path / ("x" * 251 + ".txt")
    write_json(path, {})
    assert path.exists()


def test_bytes_that_are_no_text_come_back_from_json(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    write_json(tmp_path / f"{name}.json", {"source": name})
    assert read_json(tmp_path / f"{name}.json") == {"source": name}
    assert (tmp_path / f"{name}.json").read_bytes().isascii()


def fake_job(folder):
    wildcards = {"run": "fish-vgpnn", "sample": "0"}
    return SimpleNamespace(rule="sample", wildcards=wildcards, log=[str(folder / "logs" / "job.log")])


def test_a_failed_job_leaves_its_reason_and_a_success_removes_it(tmp_path):
    job, failures = fake_job(tmp_path), tmp_path / "failures"
    with pytest.raises(SystemExit) as stop, job_log(job, failures=failures):
        raise ClipError("clip 'fish'", "has\ntwo lines", "mend it")
    assert stop.value.code == 1
    record = read_json(failures / "sample+fish-vgpnn+0.json")
    assert record["reason"] == "clip 'fish': has two lines; mend it"
    assert record["run"] == "fish-vgpnn"
    assert "mend it" in record["log_tail"]
    with job_log(job, failures=failures):
        pass
    assert not list(failures.iterdir())


def test_a_bug_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), job_log(fake_job(tmp_path), failures=tmp_path / "failures"):
        _ = 1 / 0
    assert "ZeroDivisionError" in (tmp_path / "logs" / "job.log").read_text()
    assert read_json(tmp_path / "failures" / "sample+fish-vgpnn+0.json")["reason"].startswith("ZeroDivisionError")


def test_what_the_system_refuses_is_one_line_with_its_traceback_in_the_log_alone(tmp_path, capsys):
    job, failures = fake_job(tmp_path), tmp_path / "failures"
    with pytest.raises(SystemExit) as stop, job_log(job, failures=failures):
        (tmp_path / "gone").read_text()
    assert stop.value.code == 1
    line = f"'{tmp_path}/gone': cannot be used (No such file or directory); check the path"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith(line)
    log = (tmp_path / "logs" / "job.log").read_text()
    assert line in log
    assert "Traceback" in log
    assert read_json(failures / "sample+fish-vgpnn+0.json")["reason"] == line


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "logs").touch()
    with pytest.raises(SystemExit, match=r"job\.log': cannot be written"), job_log(fake_job(tmp_path)):
        pass
