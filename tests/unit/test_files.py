"""Files appear whole or not at all; JSON has no NaN; failures leave a record."""

import json
from types import SimpleNamespace

import pytest

from onereel.errors import ClipError
from onereel.files import atomic_path, read_json, sha256_of, write_json
from onereel.joblog import job_log


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
    write_json(tmp_path / "a.json", {"a": [float("nan"), float("inf"), 1.5], "b": "é"})
    assert read_json(tmp_path / "a.json") == {"a": [None, None, 1.5], "b": "é"}
    json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)


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
