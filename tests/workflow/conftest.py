"""One small comparison, run once for all tests of the engine."""

import shutil

import pytest

from tests.workspace import Workspace, small_workspace


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workspace:
    """A workspace after a whole run. Do not change it: take `copy_of` it."""
    workspace = small_workspace(tmp_path_factory.mktemp("finished") / "copy")
    workspace.snakemake("--quiet", "rules")
    return workspace


@pytest.fixture
def workspace(finished, tmp_path) -> Workspace:
    """A copy of the finished workspace, times and Snakemake's own records included."""
    target = tmp_path / "copy"
    shutil.copytree(finished.root, target, symlinks=True)
    return Workspace(target)
