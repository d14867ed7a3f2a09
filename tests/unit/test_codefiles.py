"""Which files a rule depends on: what a method imports, nothing of another method, no plumbing."""

from pathlib import Path

import pytest

import onereel
from onereel.codefiles import code_files

PACKAGE = Path(onereel.__file__).parent


def names(*modules: str) -> set[str]:
    return {Path(path).resolve().relative_to(PACKAGE).as_posix() for path in code_files(*modules)}


def test_a_method_depends_on_what_it_imports_and_on_no_other_method():
    files = names("methods.vgpnn")
    assert {"methods/vgpnn/__init__.py", "pyramid.py", "patches.py", "clip.py"} <= files
    assert any(file.startswith("nnf/") for file in files)
    assert not any(file.startswith(("methods/calibration", "metrics/", "report/")) for file in files)


def test_plumbing_does_not_count():
    assert not {"errors.py", "files.py", "progress.py", "record.py", "cli.py", "methods/base.py"} & names(
        "methods.vgpnn"
    )


def test_a_package_stands_for_all_its_files():
    assert {f"metrics/{path.name}" for path in (PACKAGE / "metrics").glob("*.py")} <= names("metrics")


def test_unknown_modules_are_an_error():
    with pytest.raises(ValueError, match="is no module"):
        code_files("methods.nothing")
