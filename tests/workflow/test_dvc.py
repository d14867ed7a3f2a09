"""DVC around Snakemake: nothing is computed twice, a clone is taken as current only if it is, and metrics are shown."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workspace import Workspace

AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def times(workspace: Workspace) -> dict[str, int]:
    """When each lossless sample and measurement was written."""
    results = workspace.root / "results"
    files = [*results.glob("samples/*/*.mkv"), *results.glob("metrics/*.json")]
    assert files
    return {str(path.relative_to(results)): path.stat().st_mtime_ns for path in files}


@pytest.mark.timeout(600)
def test_repro_push_clone_pull(workspace, tmp_path):
    before = times(workspace)
    workspace.run("git", "init", "--quiet")
    workspace.run("dvc", "remote", "add", "--quiet", "--default", "storage", str(tmp_path / "storage"))
    # What README says after a plain `snakemake`: everything that a stage stores is there.
    workspace.run("dvc", "commit", "--force")
    again = workspace.run("dvc", "repro").stdout
    assert "Running stage" not in again
    assert "up to date" in again
    workspace.run("dvc", "repro", "--force")
    assert times(workspace) == before, "samples of an earlier `snakemake` were made again"

    shown = workspace.run("dvc", "metrics", "show").stdout
    assert "balloons-itself" in shown
    assert "sgfid" in shown
    workspace.run("dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    assert (tmp_path / "plots/index.html").exists()

    workspace.run("git", "add", "--all")
    workspace.run("git", *AUTHOR, "commit", "--quiet", "--message", "results")
    workspace.run("dvc", "metrics", "diff")
    workspace.run("dvc", "push", "--quiet")

    clone = replace(workspace, root=tmp_path / "clone")
    subprocess.run(["git", "clone", "--quiet", str(workspace.root), str(clone.root)], check=True)
    clone.run("workflow/pull.sh")
    pulled = times(clone)
    assert set(pulled) == set(before)
    assert clone.planned() == {}
    assert "Running stage" not in clone.run("dvc", "repro").stdout
    assert {name: Path(clone.root / "results" / name).read_bytes() for name in pulled} == {
        name: Path(workspace.root / "results" / name).read_bytes() for name in before
    }

    clone.edit("config/runs.tsv", "vgpnn\tballoons\tvgpnn\tdemo\t2\t0", "vgpnn\tballoons\tvgpnn\tdemo\t2\t5")
    refused = clone.run("workflow/pull.sh", check=False)
    assert refused.returncode == 1
    assert "not taking anything as current" in refused.stdout
    assert clone.planned()["sample"] == 2


def test_pull_without_a_remote_or_a_lock_says_what_to_do(workspace):
    workspace.run("git", "init", "--quiet")
    done = workspace.run("workflow/pull.sh", check=False)
    assert done.returncode == 1
    assert "dvc remote add --default" in done.stdout
    workspace.run("dvc", "remote", "add", "--quiet", "--default", "storage", str(workspace.root / "storage"))
    done = workspace.run("workflow/pull.sh", check=False)
    assert done.returncode == 1
    assert "no dvc.lock" in done.stdout
