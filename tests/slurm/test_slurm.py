"""`snakemake --profile slurm`, literally, against a real Slurm of one node: two CPUs, two counted GPUs."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onereel.base.files import read_json
from onereel.video.clip import read
from tests.workspace import SMALL_CLIPS, Workspace, small_workspace

HERE = Path(__file__).parent
TOOLS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel")

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, TOOLS)), reason="needs root and Debian's slurm-wlm and munge"
    ),
]


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """A cluster that ends with the module. A socket's path is short, so the state lies in a short temporary folder."""
    stop_leftover()
    state = tempfile.mkdtemp(prefix="slurm-")
    Path(state).chmod(0o755)
    subprocess.run([HERE / "start.sh", state, "2"], check=True)
    try:
        yield
    finally:
        subprocess.run([HERE / "stop.sh", state], check=True)
        shutil.rmtree(state, ignore_errors=True)


def stop_leftover() -> None:
    """Stop the cluster of an earlier test that was killed; a cluster that is not ours stays."""
    links = [Path("/etc/slurm") / name for name in ("slurm.conf", "gres.conf")]
    ours = Path(tempfile.gettempdir()) / "slurm-"
    if links[0].is_symlink() and str(links[0].readlink()).startswith(str(ours)):
        state = links[0].readlink().parent
        if state.is_dir():
            subprocess.run([HERE / "stop.sh", state], check=False)
        for link in links:
            link.unlink(missing_ok=True)


def job_records() -> list[dict[str, str]]:
    """What slurmctld says of every job, running or done."""
    shown = subprocess.run(["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=True)
    return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in shown.stdout.splitlines() if "JobId=" in line]


def of_rule(rule: str) -> list[dict[str, str]]:
    """Records of the jobs of one rule: the plugin puts the rule into a job's comment."""
    return [job for job in job_records() if job.get("Comment", "").startswith(f"rule_{rule}_")]


def wait_for(condition, seconds: float):
    """The first true value of `condition()` within a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.3)
    raise AssertionError(f"nothing within {seconds} s; jobs: {job_records()}")


def start(workspace: Workspace, log: Path) -> subprocess.Popen:
    with log.open("w") as stream:
        return subprocess.Popen(
            ["snakemake", "--profile", "slurm"],
            cwd=workspace.root,
            env=workspace.environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_the_demo_runs_on_slurm_and_survives_a_killed_job(slurm, tmp_path):
    workspace = small_workspace(tmp_path / "copy")
    workspace.write("config/clips.tsv", "".join(SMALL_CLIPS.splitlines(keepends=True)[:2]))  # every job costs seconds
    # `fast` asks for two threads, `demo` for one, which is also what a job gets that asks for nothing.
    workspace.edit("config/runs.tsv", "vgpnn\tballoons\tvgpnn\tdemo\t2\t0", "vgpnn\tballoons\tvgpnn\tfast\t1\t0")
    log = tmp_path / "snakemake.log"
    driver = start(workspace, log)
    try:
        running = lambda: [job for job in of_rule("sample") if job["JobState"] == "RUNNING"]  # noqa: E731
        victim = wait_for(running, 240)[0]
        subprocess.run(["scancel", victim["JobId"]], check=True)
        assert driver.wait(timeout=480) == 0, log.read_text()
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)

    text = log.read_text()
    assert "Trying to restart job" in text
    records = {job["JobId"]: job for job in job_records()}
    assert records[victim["JobId"]]["JobState"] == "CANCELLED"
    again = [job for job in of_rule("sample") if job["Comment"] == victim["Comment"] and job is not victim]
    assert any(job["JobState"] == "COMPLETED" for job in again)

    (vgpnn,) = [job for job in of_rule("sample") if "vgpnn" in job["Comment"] and job["JobState"] == "COMPLETED"]
    asked = vgpnn["TRES"] if "TRES" in vgpnn else vgpnn["ReqTRES"]
    assert vgpnn["NumCPUs"] == "2"
    assert "mem=4000M" in asked
    assert "gres/gpu=1" in asked or vgpnn.get("TresPerJob", "") == "gres:gpu:1"
    assert vgpnn["TimeLimit"] == "00:30:00"
    assert of_rule("evaluate")
    assert not [job for job in job_records() if job["JobState"] not in ("COMPLETED", "CANCELLED")]

    assert read(workspace.root / "results/samples/vgpnn/0.mkv").size == (6, 40, 56)
    assert read_json(workspace.root / "results/summary/metrics.json")["balloons-itself"]["sgfid"] == pytest.approx(
        0, abs=1e-6
    )
    assert (workspace.root / "results/report/index.html").exists()
