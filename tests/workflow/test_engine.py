"""What Snakemake reruns, what a kill costs, and what a failure leaves."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from onereel.base.errors import OnereelError
from onereel.ingest import discover, find_samples
from onereel.project import plan
from onereel.project.config import read_config
from tests.workspace import ROOT, SMALL_CLIPS, Workspace, small_workspace

REPORTING = {"write_table", "draw_figures", "write_report", "summarise", "all"}


def sha256_of_samples(workspace: Workspace) -> dict[str, str]:
    samples = workspace.root / "results/samples"
    return {
        str(path.relative_to(samples)): hashlib.sha256(path.read_bytes()).hexdigest() for path in samples.rglob("*.mkv")
    }


def test_a_dry_run_says_what_a_cluster_would_be_asked_for(tmp_path):
    """With GPUs, which this machine may lack: a dry run has no executor to tell."""
    told = small_workspace(tmp_path / "copy").snakemake("--profile", "slurm", "-n", "--quiet", "rules", "--", "samples")
    _, table = told.split("The cluster would be asked for:\n")
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["rule", "jobs", "cpus", "mem_mb", "minutes", "gpu"]
    vgpnn = ["sample", "2", "1", "4000", "30", "1"]
    assert vgpnn in rows
    assert "samples" not in [row[0] for row in rows], "which runs here"


def test_a_finished_workspace_has_everything_and_nothing_left_to_do(finished):
    results = finished.root / "results"
    assert sorted(path.name for path in (results / "samples/vgpnn").glob("*.mkv")) == ["0.mkv", "1.mkv"]
    for table in ("csv", "md", "tex", "html"):
        assert (results / f"tables/comparison.{table}").stat().st_size > 0
    assert (results / "report/index.html").exists()
    assert not (results / "report-partial").exists()
    assert finished.planned() == {}


def test_one_more_sample_reruns_only_its_own_run(workspace):
    workspace.edit("config/runs.tsv", "vgpnn\tballoons\tvgpnn\tdemo\t2\t0", "vgpnn\tballoons\tvgpnn\tdemo\t3\t0")
    planned = workspace.planned()
    assert planned.pop("sample") == 1
    assert planned.pop("evaluate") == 1
    assert planned.pop("visualise_run") == 1
    assert set(planned) <= REPORTING


def test_evaluate_takes_only_what_belongs_to_a_run(finished, workspace):
    """A row that asks for fewer samples leaves the others in its folder."""
    assert list(discover(finished.root / "results/samples/vgpnn")) == ["0", "1"]
    workspace.edit("config/runs.tsv", "vgpnn\tballoons\tvgpnn\tdemo\t2\t0", "vgpnn\tballoons\tvgpnn\tdemo\t1\t0")
    workspace.snakemake("--quiet", "rules", "--", "samples")
    found = find_samples(workspace.root / "results/samples/vgpnn")
    assert list(found.samples) == ["0"]
    assert "1.mkv" in found.summary()


def test_a_changed_setting_reruns_its_run_from_sampling_on(workspace):
    header, first, *rest = (workspace.root / "config/runs.tsv").read_text().splitlines()
    workspace.write("config/runs.tsv", "\n".join([f"{header}\tsettings", f"{first}\tnoise_amplitude=1", *rest]) + "\n")
    planned = workspace.planned()
    assert planned.pop("sample") == 2
    assert planned.pop("evaluate") == 1
    assert not {"ingest", "build_pyramid", "visualise_clip"} & set(planned)


def test_a_new_metric_measures_everything_and_samples_nothing(workspace):
    workspace.edit("config/config.yaml", "metrics: [sgfid, coherence, psnr]", "metrics: [sgfid, coherence, psnr, ssim]")
    planned = workspace.planned()
    assert planned.pop("evaluate") == 3
    assert set(planned) <= REPORTING


THEIRS = ("their {run} [1] é+@", "THEIR {run} [1] é+@")
BOXES = "config/boxes/the {run} <hole>.tsv"
BOX = "frame\ttop\tleft\tbottom\tright\tcolour\n*\t10\t10\t20\t30\t#808080\n"
MORE_RUNS = (
    "run\tclip\tmethod\tpreset\tsamples\tseed\tsource\talign\ttask\tprompt\tinputs\n"
    "theirs\tballoons\texternal:Theirs\t\t\t\ttheirs\tcrop\t\t\t\n"
    "edited\tballoons\texternal:Editors\t\t\t\tedits\t\tedit_text\tred balloons at night\t\n"
    f"hole\tballoons\tvgpnn\tdemo\t1\t0\t\t\tinpaint\t\tboxes={BOXES}\n"
)


@pytest.fixture(scope="module")
def extended(finished, tmp_path_factory) -> Workspace:
    """The finished workspace after previews, other people's samples and edits, and a run with an input are added.

    Do not change it: take a copy.
    """
    workspace = Workspace(tmp_path_factory.mktemp("extended") / "copy")
    shutil.copytree(finished.root, workspace.root, symlinks=True)
    workspace.edit("config/config.yaml", "weights: stand-in", "weights: stand-in\npreviews: [balloons]")
    for folder, names in (("theirs", THEIRS), ("edits", THEIRS[:1])):
        (workspace.root / folder).mkdir()
        for name in names:
            shutil.copyfile(workspace.root / "results/samples/vgpnn/0.mkv", workspace.root / f"{folder}/{name}.mkv")
    header, *ours = (workspace.root / "config/runs.tsv").read_text().splitlines()
    longer, *more = MORE_RUNS.splitlines()
    assert longer.startswith(f"{header}\t")
    padding = "\t" * (longer.count("\t") - header.count("\t"))
    workspace.write("config/runs.tsv", "\n".join([longer, *(row + padding for row in ours), *more]) + "\n")
    workspace.write(BOXES, BOX)
    workspace.snakemake("--quiet", "rules")
    return workspace


def page_of(workspace: Workspace) -> str:
    return (workspace.root / "results/report/index.html").read_text(encoding="utf-8")


def test_previews_are_estimated_and_shown(workspace, extended):
    workspace.edit("config/config.yaml", "weights: stand-in", "weights: stand-in\npreviews: [balloons]")
    planned = workspace.planned()
    wanted = {"estimate_depth", "estimate_flow", "embed_clip", "preview"}
    assert {name: planned[name] for name in wanted} == dict.fromkeys(wanted, 1)
    assert set(planned) <= wanted | REPORTING
    page = page_of(extended)
    for title in ("scene-trained DPT", "scene-trained CLIP", "player-balloons-depth", "player-balloons-flow"):
        assert title in page
    assert not extended.planned()


def test_what_a_run_starts_from_is_shown(extended, tmp_path):
    page = page_of(extended)
    assert page.index('id="player-hole-guides-0"') < page.index('id="player-hole-0"')
    workspace = Workspace(tmp_path / "copy")
    shutil.copytree(extended.root, workspace.root, symlinks=True)
    workspace.write(BOXES, BOX.replace("30", "31"))
    planned = workspace.planned()
    assert {name: planned[name] for name in ("sample", "visualise_run")} == {"sample": 1, "visualise_run": 1}


def test_every_stand_in_has_a_job_of_its_own(workspace):
    assert workspace.planned("--", "stand_ins") == {"train_stand_in": len(plan.stand_ins(ROOT)), "stand_ins": 1}


def test_a_preview_of_no_clip_is_refused(workspace):
    workspace.edit("config/config.yaml", "weights: stand-in", "weights: stand-in\npreviews: [baloons]")
    assert "previews: 'baloons'" in workspace.snakemake("--dry-run", check=False)


def test_an_edited_method_reruns_that_method_only(tmp_path):
    workspace = small_workspace(tmp_path / "copy").own_code()
    workspace.write("config/clips.tsv", "".join(SMALL_CLIPS.splitlines(keepends=True)[:2]))  # every job costs seconds
    workspace.write("config/runs.tsv", "run\tclip\tmethod\tpreset\nitself\t*\tcalibration\titself\n")
    workspace.snakemake("--quiet", "rules", "--", "samples")
    module = "src/onereel/methods/calibration/__init__.py"
    (workspace.root / module).touch()
    assert workspace.planned("--", "samples") == {}
    workspace.write("src/onereel/methods/vgpnn/new.py", "X = 1\n")
    assert workspace.planned("--", "samples") == {}
    workspace.edit(module, "METHOD = Calibration()", "METHOD = Calibration()  # edited")
    assert workspace.planned("--", "samples") == {"sample": 1, "samples": 1}


def test_a_kill_in_the_middle_ends_in_the_same_bytes(finished, tmp_path):
    workspace = small_workspace(tmp_path / "copy")
    driver = subprocess.Popen(
        ["snakemake", "--quiet", "rules", "--", "samples"],
        cwd=workspace.root,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = workspace.root / "logs/sample/vgpnn"
    end = time.monotonic() + 120
    while not log.exists() and time.monotonic() < end:
        time.sleep(0.1)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert not (workspace.root / "results/samples/vgpnn/1.json").exists(), "the kill came too late to mean anything"
    workspace.snakemake("--unlock")
    workspace.snakemake("--quiet", "rules", "--", "samples")
    assert sha256_of_samples(workspace) == sha256_of_samples(finished)


class Private(http.server.BaseHTTPRequestHandler):
    """Serves the clip `balloons` to who knows the password, and text that is no video."""

    clip = b""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:hu sh").decode()
        self.send_response(200 if known else 401)
        self.end_headers()
        if known:
            self.wfile.write(self.clip if self.path.startswith("/water") else b"this is no video")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def private(finished):
    Private.clip = (finished.root / "data/clips/balloons.mkv").read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Private)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://me:hu%20sh@127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_clip_that_cannot_be_read_fails_alone_and_says_why(workspace, private):
    """Both clips are addresses with a password and a token, which nobody gets to see."""
    row = f"broken\t{private}/broken.mp4?token=hu%20sh\n"
    workspace.edit("config/clips.tsv", "name\tsource\n", f"name\tsource\n{row}")
    workspace.edit("config/clips.tsv", "scene:water?seed=1&frames=6&height=40&width=56", f"{private}/water.mkv")
    output = workspace.run("snakemake", check=False)
    assert output.returncode != 0
    assert "Traceback" not in output.stdout
    clips = workspace.root / "data/clips"
    assert not list(clips.glob("*broken*")), "something half-written was left"
    assert json.loads((clips / "water.json").read_text())["container"] == "matroska,webm", (
        "the other clip did not go on"
    )
    page = (workspace.root / "results/report-partial/index.html").read_text(encoding="utf-8")
    assert "broken" in page
    assert "not a video" in page
    assert "broken.mp4?token=***)" in page

    workspace.edit("config/clips.tsv", row, "")
    workspace.snakemake("--quiet", "rules")
    assert not (workspace.root / "results/report-partial").exists()
    folders = (workspace.root / name for name in (".snakemake", "data", "logs", "results"))
    kept = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in kept if b"hu%20sh" in path.read_bytes() or b"me:hu sh" in path.read_bytes()] == []
    assert "hu%20sh" not in output.stdout


@pytest.mark.parametrize(
    ("sheet", "old", "new", "message"),
    [
        ("config/runs.tsv", "vgpnn\tballoons\tvgpnn", "vgpnn\tballoons\tvgpn", "did you mean 'vgpnn'?"),
        ("config/runs.tsv", "\tdemo\t2", "\tdem\t2", "did you mean 'demo'?"),
        (
            "config/runs.tsv",
            "seed\n",
            "seed\ttask\ninpainted\tballoons\tvgpnn\tdemo\t1\t0\tinpaint\n",
            "'inpainted', vgpnn",
        ),
        ("config/clips.tsv", "name\tsource", "name\tsauce", "unknown column 'sauce'; did you mean 'source'?"),
        ("config/clips.tsv", "water\tscene:water", "../../x\tscene:water", "'../../x'"),
        ("config/config.yaml", "metrics: [sgfid", "metrics: [sgfdi", "did you mean 'sgfid'?"),
    ],
)
def test_a_mistake_in_a_sheet_is_said_once_when_the_sheets_are_read(tmp_path, sheet, old, new, message):
    """In this process, as workflow/rules/common.smk reads them; the next test holds that nothing starts then."""
    workspace = small_workspace(tmp_path / "copy")
    workspace.edit(sheet, old, new)
    with pytest.raises(OnereelError) as error:
        read_plan(workspace.root)
    assert str(error.value).count(message) == 1
    assert "\n" not in str(error.value)
    assert not (workspace.root / "data/clips").exists()


def read_plan(root: Path) -> plan.Plan:
    config = read_config([root / "config/config.yaml"], {})
    names = {name: config[name] for name in ("clips", "runs", "heldout", "tables")}
    return plan.read(root, **names, metrics=[*config["metrics"], *config["edit_metrics"]])


def test_the_sheets_are_read_here_as_they_are_there(tmp_path):
    assert set(read_plan(small_workspace(tmp_path / "copy").root).runs) == {"vgpnn", "balloons-itself", "water-itself"}


@pytest.mark.parametrize(
    ("sheet", "old", "new", "message"),
    [
        ("config/runs.tsv", "vgpnn\tballoons\tvgpnn", "vgpnn\tballoons\tvgpn", "did you mean 'vgpnn'?"),
        ("config/config.yaml", "metrics: [sgfid", "metrics: [sgfdi", "did you mean 'sgfid'?"),
    ],
)
def test_a_mistake_in_a_sheet_stops_before_the_first_job(tmp_path, sheet, old, new, message):
    workspace = small_workspace(tmp_path / "copy")
    workspace.edit(sheet, old, new)
    done = workspace.run("snakemake", "--dry-run", check=False)
    assert done.returncode != 0
    assert done.stdout.count(message) == 1
    assert "Traceback" not in done.stdout
    assert not (workspace.root / "data/clips").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--quiet", "all"), "config/config.yaml, line 3: no such key 'weihgts'; did you mean 'weights'?"),
        (("--dry-run", "--configfile", "over.yaml"), "over.yaml, line 2: 'metrics' is 'psnr'; write [psnr]"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_however_quiet(tmp_path, arguments, said):
    workspace = small_workspace(tmp_path / "copy")
    workspace.write("over.yaml", "seed: 1\nmetrics: psnr\n")
    if "--quiet" in arguments:
        workspace.edit("config/config.yaml", "weights:", "weihgts:")
    done = workspace.run("snakemake", *arguments, check=False)
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("Using workflow specific profile")]
    assert line.removeprefix(f"{workspace.root}/") == said
    assert done.returncode == 1


def measured(workspace, run):
    return json.loads((workspace.root / f"results/metrics/{run}.json").read_text())


def test_other_peoples_samples_are_measured_beside_ours(extended):
    ours, theirs = (measured(extended, run) for run in ("vgpnn", "theirs"))
    assert theirs["summary"]["coherence"]["n"] == 2
    first = next(r["value"] for r in ours["records"] if r["metric"] == "coherence" and r["sample"] == "0")
    assert {r["value"] for r in theirs["records"] if r["metric"] == "coherence"} == {first}
    assert "Theirs" in (extended.root / "results/tables/comparison.md").read_text()
    page = page_of(extended)
    assert {f">{name}<" in page for name in THEIRS} == {True}


def test_edits_have_the_metrics_of_edits_besides(extended):
    records = {
        run: {record["metric"]: record for record in measured(extended, run)["records"]}
        for run in ("vgpnn", "balloons-itself", "water-itself", "theirs", "edited")
    }
    of_edits = {"frame_consistency", "prompt_consistency", "warp_error"}
    assert of_edits <= set(records["edited"])
    # The calibration of the edited clip; it has no caption, so there is nothing to be consistent with.
    assert of_edits & set(records["balloons-itself"]) == {"frame_consistency", "warp_error"}
    assert not of_edits & set().union(*(records[run] for run in ("vgpnn", "water-itself", "theirs")))
    assert records["edited"]["prompt_consistency"]["protocol"]["prompt"] == "red balloons at night"
    assert records["edited"]["warp_error"]["protocol"]["flow_of"] == "source"
    assert records["edited"]["frame_consistency"]["weights"]


def test_snakemake_report_and_lint(finished, tmp_path):
    target = tmp_path / "report.zip"
    finished.snakemake("--report", str(target))
    assert target.stat().st_size > 0
    lint = subprocess.run(
        ["snakemake", "--lint"], cwd=ROOT, env=finished.environment, capture_output=True, text=True, check=False
    )
    assert lint.returncode == 0, lint.stderr
