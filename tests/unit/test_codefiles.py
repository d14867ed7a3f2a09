"""Which files a rule depends on: what a method imports, nothing of another method, no plumbing."""

import os
from pathlib import Path

import pytest

import onereel
from onereel.base import codefiles
from onereel.base.codefiles import code_digest, code_files, write_stamp
from onereel.methods import load_method, method_names, training_code

PACKAGE = Path(onereel.__file__).parent


def names(*modules: str) -> set[str]:
    return {Path(path).resolve().relative_to(PACKAGE).as_posix() for path in code_files(*modules)}


def test_a_method_depends_on_what_it_imports_and_on_no_other_method():
    files = names("methods.vgpnn")
    assert {"methods/vgpnn/__init__.py", "video/pyramid.py", "nnf/votes.py", "video/clip.py"} <= files
    assert any(file.startswith("nnf/") for file in files)
    assert not any(file.startswith(("methods/calibration", "metrics/", "report/")) for file in files)


def test_plumbing_does_not_count():
    assert not {
        "base/errors.py",
        "base/files.py",
        "base/progress.py",
        "base/provenance.py",
        "cli/app.py",
        "methods/base.py",
    } & names("methods.vgpnn")


def test_what_reads_descriptions_and_held_out_sheets_counts_for_tables():
    """Only what cannot change a result is plumbing, not all that sheets are read with."""
    assert {"project/tables.py", "report/tables/build.py"} <= names("report.tables")
    assert "project/heldout.py" in names("report.load.heldout")
    assert not {"project/config.py", "project/runs.py"} & names("report.load.heldout")


def test_a_package_stands_for_all_its_files():
    assert {f"metrics/{path.name}" for path in (PACKAGE / "metrics").glob("*.py")} <= names("metrics")


def test_unknown_modules_are_an_error():
    with pytest.raises(ValueError, match="is no module"):
        code_files("methods.nothing")


def test_the_digest_is_of_what_the_code_does(monkeypatch, tmp_path):
    def digest(text):
        (tmp_path / "toy.py").write_text(text, encoding="utf-8")
        code_files.cache_clear()
        code_digest.cache_clear()
        return code_digest("toy")

    monkeypatch.setattr(codefiles, "_PACKAGE", tmp_path)
    first = digest('"""What."""\ndef f(x):\n    """Why."""\n    return x + 1\n')
    assert digest("def f(x):  # otherwise\n\n    return (x + 1)\n") == first
    assert digest("def f(x):\n    return x + 2\n") != first
    code_files.cache_clear()
    code_digest.cache_clear()


def test_a_stamp_changes_with_contents_and_is_as_old_as_the_newest_file(monkeypatch, tmp_path):
    package, stamp = tmp_path / "package", tmp_path / "stamps/toy"
    package.joinpath("toy").mkdir(parents=True)
    monkeypatch.setattr(codefiles, "_PACKAGE", package)

    def write(name, text, date):
        (package / "toy" / name).write_text(text, encoding="utf-8")
        os.utime(package / "toy" / name, (date, date))

    def stamped():
        code_files.cache_clear()
        write_stamp(stamp, "toy")
        return stamp.read_text(encoding="utf-8"), stamp.stat().st_mtime

    write("__init__.py", "X = 1\n", 1000)
    write("data.json", "{}", 2000)
    first, date = stamped()
    assert date == 2000
    assert [line.split()[1] for line in first.splitlines()] == ["toy/__init__.py", "toy/data.json"]
    assert stamped() == (first, 2000)
    write("__init__.py", "X = 1\n", 3000)
    assert stamped() == (first, 3000), "a date is no content"
    write("data.json", "[]", 1500)  # as `cp -p` and `mv` leave it
    changed, date = stamped()
    assert changed != first
    assert date > 3000, "an older date hid a change"
    (package / "toy/data.json").unlink()
    left, later = stamped()
    assert left == first.splitlines(keepends=True)[0]
    assert later >= date
    code_files.cache_clear()


@pytest.mark.parametrize("name", [name for name in method_names() if load_method(name).trained_by])
def test_what_only_sampling_uses_does_not_train_again(name):
    method = load_method(name)
    files = names(*training_code(method))
    assert {f"{module.replace('.', '/')}.py" for module in method.trained_by} <= set(files)
    assert "networks/conv3d.py" in files or "training/loop.py" in files
    assert not any(file.endswith(("tasks.py", "effects.py", "copies.py")) for file in files)
