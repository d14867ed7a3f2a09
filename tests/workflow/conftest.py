"""One small comparison, run once for all tests of the engine."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.workspace import Workspace, small_workspace


def at_depth_of(other: Path, folder: Path) -> Path:
    """A path in `folder` with as many parts as `other`, which lies no higher."""
    return folder.joinpath(*["copy"] * (len(other.parts) - len(folder.parts)))


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workspace:
    """A workspace after a whole run. Do not change it: take `workspace`, a copy.

    Tests side by side share the run, and each process has a copy of it that nobody else reads while it is read.
    """
    base, own = tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("own") / "copy"
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    folder.mkdir(exist_ok=True)
    # As deep as every copy: the package lies outside of them, and its files are inputs by their relative names.
    run, done = at_depth_of(own, folder), folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            # What a failed run left would be taken for a part of this one.
            shutil.rmtree(run, ignore_errors=True)
            small_workspace(run).snakemake("--quiet", "rules")
            done.touch()
    shutil.copytree(run, own, symlinks=True)
    return Workspace(own)


@pytest.fixture
def workspace(finished, tmp_path) -> Workspace:
    """A copy of the finished workspace, times and Snakemake's own records included."""
    target = tmp_path / "copy"
    shutil.copytree(finished.root, target, symlinks=True)
    return Workspace(target)
