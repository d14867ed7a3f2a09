"""What jobs leave for tables and the report: manifests, records of samples, metrics, failures, tests, curves."""

import runpy
from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from fuzzing.media import frames
from fuzzing.target import Target
from onereel.base.files import write_json, write_text
from onereel.heldout.hold_out import HoldOut, Kind
from onereel.heldout.measure import Shot, measure
from onereel.heldout.measure import summarise as summarise_test
from onereel.metrics.aggregate import summarise
from onereel.project.heldout import HeldOutRow
from onereel.project.runs import RunRow
from onereel.report.load.heldout import load_heldout
from onereel.report.load.project import load_project
from onereel.report.page.figures import write_figures
from onereel.report.page.visuals import GUIDES, visualise, visualise_guides
from onereel.report.page.write import write_report
from onereel.report.tables.build import write_table
from onereel.video import clip as clips
from onereel.video.clip import Clip

_PROJECT = Path(__file__).resolve().parents[2]
_CLIP = Clip(frames(6, 24, 30), Fraction(10))
_CLIPS = ("river", "birds")
_RUNS = (
    RunRow("river-vgpnn", "river", "vgpnn", samples=2, settings={"alpha": 0.1}),
    RunRow("river-trained", "river", "sinfusion"),
    RunRow("river-theirs", "river", "external:theirs", source="theirs"),
    RunRow("river-itself", "river", "calibration", preset="itself"),
    RunRow("birds-vgpnn", "birds", "vgpnn"),
)
_FAILED = "birds-vgpnn"
_TEST = HeldOutRow("future", "river", HoldOut(Kind.PREDICTION, keep=0.5, horizon=2), "sinfusion")


def _make_project(folder: Path) -> None:
    root = folder / "project"
    for name in _CLIPS:
        clips.write(root / f"data/clips/{name}.mkv", _CLIP)
        clips.write_preview(root / f"data/clips/{name}.mp4", _CLIP)
        manifest = {"name": name, "source": f"scene:{name}", "frames": 6, "size": list(_CLIP.size), "fps": "10"}
        write_json(root / f"data/clips/{name}.json", {**manifest, "notes": ["a note"], "trims": {"start": None}})
    visualise(_CLIP, None, root / "results/visuals/clips/river")
    visualise(_CLIP, None, root / "results/visuals/previews/river/depth")
    write_json(root / "results/visuals/previews/river/index.json", {"depth": "DPT"})
    visualise(_CLIP, _CLIP, root / "results/visuals/runs/river-vgpnn/0")
    visualise_guides({"mask": _CLIP}, root / "results/visuals/runs/river-vgpnn" / GUIDES)
    for row in _RUNS:
        if row.run != _FAILED:
            _write_run(root, row)
    failure = {"rule": "sample", "run": _FAILED, "clip": "birds", "method": "", "sample": "0", "test": ""}
    more = {"reason": "MemoryError: no memory", "log_tail": "one\ntwo", "created": "2026-01-02T03:04:05+00:00"}
    write_json(root / f"results/failures/sample-{_FAILED}.json", {**failure, **more})
    curves = "".join(f"{step}\t{step}.5\t{9 / (step + 1)}\t\n" for step in range(30))
    write_text(
        root / "results/models/river/sinfusion/demo/projector.curves.tsv", f"step\tseconds\tloss\tpsnr\n{curves}"
    )
    _write_test(root)


def _write_run(root: Path, row: RunRow) -> None:
    names, records = ("a", "b") if row.external else row.seeds, []
    for name in names:
        folder = root / "results/samples" / row.run
        clips.write(folder / f"{name}.mkv", _CLIP)
        record = {**row.plain(), "seed": 0, "size": list(_CLIP.size), "fps": "10", "config": {"kind": "identity"}}
        cost = {
            "seconds": 1.5,
            "peak_memory_mb": 300.0,
            "device": "cpu",
            "machine": "two cores",
            "weights": {"p": "ab"},
        }
        facts = {"versions": {"torch": "2"}, "commit": "0123", "created": "2026-01-02T03:04:05+00:00"}
        write_json(folder / f"{name}.json", {**record, **cost, **facts, "notes": {}, "effects": {"seam": 0.5}})
        records += [_value(metric, name, 0.5) for metric in ("svfid", "nnfdiv", "nnfdist")]
        records.append({**_value("psnr", name, None), "note": "infinite: equal to the input", "unit": "dB"})
    records.append({**_value("diversity", None, 0.4), "n": len(names)})
    head = {"run": row.run, "clip": row.clip, "method": row.method}
    content = {**head, "records": records, "summary": summarise(records), "align": "cut" if row.external else ""}
    write_json(root / f"results/metrics/{row.run}.json", content)


def _value(metric: str, sample: str | None, value: float | None) -> dict[str, Any]:
    names = {"metric": metric, "title": metric.upper(), "column": metric.upper(), "sample": sample, "better": "lower"}
    made = {"extractor": "C3D", "weights": "random C3D 01", "stand_in": True, "protocol": {"name": "conv2"}}
    return {**names, **made, "value": value, "note": "", "unit": "", "n": 1}


def _write_test(root: Path) -> None:
    folder = root / "results/heldout/future"
    shots = [Shot(2, _CLIP.frames[3:5], _CLIP.frames[1:3])]
    records = [*measure("method", 0, shots), *measure("repeat_last", None, shots)]
    films = {name: list(_CLIP.size) for name in ("0", "repeat_last", "truth")}
    for name in films:
        clips.write(folder / f"films/{name}.mkv", _CLIP)
    samples = {"0": {"seconds": 2.0, "peak_memory_mb": 200.0, "weights": {"p": "ab"}, "draws": 1}}
    content = {"test": "future", "clip": "river", "records": records, "summary": summarise_test(records)}
    write_json(folder / "record.json", {**content, "films": films, "samples": samples, "fps": "10", "flow": "TV-L1"})


def _read_project(case: Path, rng: Random) -> None:
    """Everything that the report's jobs read: tables, page, figures."""
    project = load_project(case, runs=_RUNS, clips=_CLIPS)
    tests = load_heldout(case, [_TEST])
    tables = {name: case / "tables" / name for name in ("comparison", "vgpnn_table1")}
    for name, stem in tables.items():
        write_table(project, _PROJECT / f"config/tables/{name}.yaml", stem)
    of_tests = {kind: case / "tables" / kind for kind in tests.kinds}
    for kind, stem in of_tests.items():
        write_table(tests.project(kind), _PROJECT / f"config/tables/{kind}.yaml", stem)
    place = {"tables": tables, "visuals": case / "results/visuals"}
    write_report(project, case / "report", heldout=tests, heldout_tables=of_tests, **place)  # type: ignore[arg-type]
    if rng.random() < 0.1:
        write_figures(project, case / "figures")


def _read_metrics(case: Path, rng: Random) -> None:
    """The job that makes one file of all metrics."""
    files = sorted(str(path) for path in (case / "results/metrics").glob("*.json"))
    output = SimpleNamespace(means=case / "means.json", runs=case / "runs.csv")
    script = runpy.run_path(str(_PROJECT / "workflow/scripts/summarise.py"), run_name="fuzz")
    script["main"](SimpleNamespace(input=files, output=output))


def _of_project(name: str, victims: str) -> Target:
    return Target(name, _make_project, _read_project, victims)


TARGETS = [
    _of_project("manifests", "data/clips/*.json"),
    _of_project("sample-records", "results/samples/**/*.json"),
    _of_project("metric-records", "results/metrics/*.json"),
    _of_project("failures", "results/failures/*.json"),
    _of_project("heldout", "results/heldout/**/*.json"),
    _of_project("curves", "results/models/**/*.tsv"),
    _of_project("visuals", "results/visuals/**/*.json"),
    Target("summary", _make_project, _read_metrics, "results/metrics/*.json"),
]
