"""A small project on disk, as the workflow leaves one, and what `load_project` reads from it."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from onereel.base.errors import OnereelError
from onereel.base.files import read_json, write_json, write_text
from onereel.base.run_record import RunRecord
from onereel.metrics.aggregate import summarise
from onereel.project.runs import RunRow
from onereel.report.load.project import (
    DONE,
    FAILED,
    MISSING,
    UNFINISHED,
    Project,
    RunEntry,
    distinct_titles,
    load_project,
    natural_key,
)
from onereel.report.load.records import Summary, require_record
from onereel.report.page.visuals import visualise
from onereel.video import clip as clips
from onereel.video.clip import Clip, Frames

SIZE = (10, 36, 64)
CLIPS = ("balloons", "birds")
NASTY = "<script>alert(1)</script> & 50 % of_it $x^2$ | `c`"
MACHINE = "Example processor, 2 cores"

METHODS = (
    RunRow("balloons-patches", "balloons", "patches", preset="fast", samples=3, settings={"alpha": 0.1}),
    RunRow("birds-patches", "birds", "patches", preset="fast", samples=3, settings={"alpha": 0.1}),
    RunRow("balloons-trained", "balloons", "trained", preset="fast", samples=2),
    RunRow("birds-trained", "birds", "trained", preset="fast", samples=2),
    RunRow("balloons-other", "balloons", "external:other_code", source="theirs/balloons", align="crop"),
)
CALIBRATION = tuple(
    RunRow(f"{clip}-{preset}", clip, "calibration", preset=preset)
    for clip in CLIPS
    for preset in ("itself", "shuffled", "noisy")
)
RUNS = METHODS + CALIBRATION
FAILED_RUN = "birds-trained"
KINDS = {"itself": "identity", "shuffled": "shuffle", "noisy": "noise"}

VALUES = {"patches": (0.0072, 0.45), "trained": (0.0150, 0.30), "external:other_code": (0.0066, 0.52)}
CALIBRATION_VALUES = {"itself": (0.0, 0.0), "shuffled": (0.021, 0.0), "noisy": (0.094, 0.0)}


def moving_picture(size: tuple[int, int, int] = SIZE, *, speed: float = 2.0, tint: float = 0.0) -> Frames:
    """A textured gradient with a bright disc that drifts to the right; (T, H, W, 3) uint8."""
    _, height, width = size
    t, y, x = np.meshgrid(*(np.arange(extent, dtype=np.float64) for extent in size), indexing="ij")
    disc = np.hypot(y - height / 2, x - (width / 4 + speed * t) % width) < height / 5
    texture = 18 * np.sin(x / 2.7 + y / 4.1) + 12 * np.cos(y / 2.3 - x / 7)
    sky = np.stack([90 + 100 * y / height, 130 + 60 * y / height + 60 * tint, 210 - 70 * y / height], axis=-1)
    frames = sky + texture[..., None] * 0.6
    frames[disc] = [235, 110 + 90 * tint, 60]
    return frames.clip(0, 255).astype(np.uint8)


def build_project(root: Path, *, visuals: bool = False) -> Project:
    """Write the project below `root` and load it; with the players' pictures where asked."""
    inputs = {name: Clip(moving_picture(tint=index * 0.8), Fraction(12)) for index, name in enumerate(CLIPS)}
    for name, clip in inputs.items():
        _write_clip(root, name, clip)
        if visuals:
            visualise(clip, None, root / "results/visuals/clips" / name)
    for row in RUNS:
        if row.run != FAILED_RUN:
            _write_run(root, row, inputs[row.clip], visuals=visuals)
    write_json(
        root / "results/failures/train-birds-trained.json",
        {
            "rule": "train",
            "run": "",
            "clip": "birds",
            "method": "trained",
            "sample": "",
            "reason": f"MemoryError: level 9 needs 21 GB\nof memory, {NASTY}",
            "log_tail": f"12:00:01 INFO level 8\n12:00:09 ERROR {NASTY}",
            "created": "2026-01-02T03:04:05+00:00",
        },
    )
    write_text(
        root / "results/models/balloons/trained/demo/generator.curves.tsv",
        "step\tloss\tcritic\n"
        + "".join(f"{step}\t{900 / (step + 1):.4f}\t{3 + step % 7}\n" for step in range(0, 2000, 5)),
    )
    return load(root)


def load(root: Path) -> Project:
    return load_project(root, runs=RUNS, clips=CLIPS)


def _write_clip(root: Path, name: str, clip: Clip) -> None:
    clips.write(root / f"data/clips/{name}.mkv", clip)
    clips.write_preview(root / f"data/clips/{name}.mp4", clip)
    manifest = {
        "name": name,
        "source": f"scene:{name}",
        "frames": clip.size[0],
        "size": list(clip.size),
        "fps": str(clip.fps),
        "caption": f"a clip of {name}: {NASTY}" if name == "birds" else f"hot-air {name} drifting over hills",
        "licence": "MIT",
    }
    write_json(root / f"data/clips/{name}.json", manifest)


def _write_run(root: Path, row: RunRow, reference: Clip, *, visuals: bool) -> None:
    names = ["first", "2", "10"] if row.external else list(row.seeds)
    for index, name in enumerate(names):
        clip = _sample(row, reference, index)
        folder = root / "results/samples" / row.run
        clips.write(folder / f"{name}.mkv", clip)
        clips.write_preview(folder / f"{name}.mp4", clip)
        write_json(folder / f"{name}.json", _sample_record(row, name, clip, index))
        if visuals:
            visualise(reference, clip, root / "results/visuals/runs" / row.run / name)
    records = _metric_records(row, names)
    align = "the input was cut to its first 7 frames" if row.align else ""
    head = {"run": row.run, "clip": row.clip, "method": row.method}
    content = {**head, "records": records, "summary": summarise(records), "align": align}
    write_json(root / "results/metrics" / f"{row.run}.json", content)


def _sample(row: RunRow, reference: Clip, index: int) -> Clip:
    frames = reference.frames
    if row.external:
        return Clip(np.roll(frames, 9 * (index + 1), axis=2)[:7], reference.fps)
    if row.preset == "shuffled":
        return Clip(frames[np.random.default_rng(0).permutation(len(frames))], reference.fps)
    if row.preset == "noisy":
        noise = np.random.default_rng(0).normal(0, 10, frames.shape)
        return Clip((frames + noise).clip(0, 255).astype(np.uint8), reference.fps)
    if row.preset == "itself":
        return reference
    # Two halves of the input, swapped and shifted: what a patch method makes, in the large.
    cut = frames.shape[2] // (2 + index)
    return Clip(np.concatenate([frames[::-1, :, cut:], np.roll(frames, 5, axis=1)[:, :, :cut]], axis=2), reference.fps)


def _sample_record(row: RunRow, name: str, clip: Clip, index: int) -> dict:
    record = {**row.plain(), "seed": name, "size": list(clip.size), "fps": str(clip.fps)}
    if row.external:
        return {**record, "source": "theirs", "seconds": None, "peak_memory_mb": None}
    return {
        **record,
        "config": {"kind": KINDS[row.preset]} if row.preset in KINDS else {"alpha": 0.1, "patch": [3, 7, 7]},
        "weights": {"generator": "ab" * 32} if row.method == "trained" else {},
        "seconds": (12.5 if row.method == "patches" else 240.0) + index,
        "peak_memory_mb": 480.0 + index,
        "device": "cpu",
        "machine": MACHINE,
        "versions": {"python": "3.11.9", "onereel": "0.1.0", "torch": "2.13.0"},
        "commit": "0123456789ab",
        "created": f"2026-01-02T03:0{index}:00+00:00",
    }


def _metric_records(row: RunRow, names: list[str]) -> list[dict]:
    harder = 1.2 if row.clip == "birds" else 1.0
    svfid, diversity = (harder * value for value in VALUES.get(row.method) or CALIBRATION_VALUES[row.preset])
    shared = {"n": 1, "note": "", "unit": ""}
    network = {"extractor": "C3D", "weights": "random C3D 0123456789ab", "stand_in": True}
    plain = {"extractor": None, "weights": None, "stand_in": False}
    protocol = {"name": "c3d-conv2-mean255-native", "layer": "conv2"}
    records: list[dict] = []
    for index, name in enumerate(names):
        spread = 1 + 0.12 * (index - 1) if len(names) > 1 else 1
        own = {"sample": name, **shared}
        first = {"metric": "svfid", "title": "SVFID", "column": "SVFID (random C3D)", "better": "lower"}
        records.append({**first, **own, **network, "value": svfid * spread, "protocol": protocol})
        for metric, title, better, value in (
            ("coherence", "Coherence", "lower", 7.07e-4 * spread),
            ("nnfdiv", "NNFDIV", "higher", diversity * 0.9 * spread),
            ("nnfdist", "NNFDIST", "lower", svfid * 0.3 * spread),
        ):
            head = {"metric": metric, "title": title, "column": title, "better": better}
            records.append({**head, **own, **plain, "value": value, "protocol": {"name": "3x7x7"}})
        head = {"metric": "psnr", "title": "PSNR", "column": "PSNR", "better": "higher"}
        infinite = {"value": None, "note": "infinite: equal to the input"}
        value = infinite if row.preset == "itself" else {"value": 18.15 * spread}
        records.append({**head, **own, "unit": "dB", **plain, **value, "protocol": {"name": "rgb"}})
    head = {"metric": "diversity", "title": "Diversity", "column": "Diversity", "better": "higher", "sample": None}
    records.append({**head, **shared, "n": len(names), **plain, "value": diversity, "protocol": {"name": "std"}})
    return records


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    build_project(folder)
    return folder


def entry(project: Project, run: str):
    return next(item for item in project.runs if item.name == run)


def test_a_finished_run_has_samples_in_natural_order_and_its_numbers(root: Path) -> None:
    run = entry(load(root), "balloons-other")
    assert run.status == DONE
    assert [sample.name for sample in run.samples] == ["2", "10", "first"]
    assert run.samples[0].size == (7, *SIZE[1:])
    assert run.samples[0].seconds is None
    assert {record.metric for record in run.records} >= {"svfid", "diversity"}
    assert run.align.startswith("the input was cut")
    assert run.title == "other_code (external)"


def test_a_failure_of_the_training_is_the_failure_of_the_run(root: Path) -> None:
    run = entry(load(root), FAILED_RUN)
    assert run.status == FAILED
    assert run.reason.startswith("MemoryError: level 9 needs 21 GB of memory")
    assert "\n" not in run.reason
    assert "level 8" in run.log_tail
    assert entry(load(root), "birds-patches").status == DONE


def test_a_run_of_which_nothing_is_known_did_not_finish(tmp_path: Path) -> None:
    run = load_project(tmp_path, runs=RUNS[:1], clips=CLIPS).runs[0]
    assert (run.status, run.reason, run.samples) == (MISSING, UNFINISHED, ())


def test_numbers_of_samples_that_are_gone_are_not_shown(tmp_path: Path) -> None:
    build_project(tmp_path)
    (tmp_path / "results/samples/balloons-patches/1.mkv").unlink()
    run = entry(load(tmp_path), "balloons-patches")
    assert (run.status, run.records) == (MISSING, ())


def test_the_record_of_a_run_is_no_damaged_sample(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    RunRecord(tmp_path / "results/samples/r").name({"method": "vgpnn"}, ["0"])
    project = load_project(tmp_path, runs=[RunRow("r", "c", "vgpnn")], clips=["c"])
    assert project.runs[0].samples == ()
    assert not caplog.records


def test_a_broken_json_counts_as_missing(tmp_path: Path) -> None:
    build_project(tmp_path)
    (tmp_path / "results/metrics/balloons-patches.json").write_text("{", encoding="utf-8")
    assert entry(load(tmp_path), "balloons-patches").status == MISSING


METRICS, SAMPLE = "results/metrics/balloons-patches.json", "results/samples/balloons-patches/1.json"


@pytest.mark.parametrize(
    ("file", "change"),
    [
        (METRICS, lambda record: record.update(records="x")),
        (METRICS, lambda record: record["records"].append(None)),
        (METRICS, lambda record: record["records"][0].pop("metric")),
        (METRICS, lambda record: record["records"][0].update(value="0.5")),
        (METRICS, lambda record: record["records"][0].update(value=10**400)),
        (METRICS, lambda record: record["records"][0].update(column="\ud800")),
        (METRICS, lambda record: record["records"][0].update(n=[])),
        (SAMPLE, lambda record: record.update(size=[0, 5])),
        (SAMPLE, lambda record: record.update(fps="1/0")),
        (SAMPLE, lambda record: record.update(seconds=True)),
        (SAMPLE, lambda record: record.update(weights=["ab"])),
        (SAMPLE, lambda record: record.update(config=None)),
        (SAMPLE, lambda record: record.update(versions={"torch": None})),
    ],
)
def test_a_record_of_another_shape_counts_as_missing_and_is_named(root: Path, file: str, change) -> None:
    path = root / file
    before = path.read_bytes()
    record = json.loads(before)
    change(record)
    try:
        path.write_text(json.dumps(record), encoding="utf-8")
        run = entry(load(root), "balloons-patches")
    finally:
        path.write_bytes(before)
    assert (run.status, run.records) == (MISSING, ())
    assert run.reason == f"'{path}' is damaged: delete it and run again"


@pytest.mark.parametrize("content", [b"[1]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"size": [1, 2]}', b"9" * 5000])
def test_a_manifest_that_is_none_leaves_its_clip_out(root: Path, content: bytes) -> None:
    path = root / "data/clips/balloons.json"
    before = path.read_bytes()
    try:
        path.write_bytes(content)
        clip = load(root).clips[0]
    finally:
        path.write_bytes(before)
    assert (clip.video, clip.size) == (None, None)
    assert clip.reason == f"'{path}' is damaged: delete it and run again"


def test_jobs_that_join_records_name_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    for content in ('{"run": "r", "clip": "c", "method": "m", "summary": {"psnr": 3}}', "{", "[]"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(OnereelError, match=r"m\.json': is damaged \(.*\); delete it and run again"):
            require_record(path, Summary)


def test_infinity_is_a_value_and_undefined_is_none(root: Path, tmp_path: Path) -> None:
    run = entry(load(root), "balloons-itself")
    assert [record.value for record in run.records if record.metric == "psnr"] == [float("inf")]
    path = root / "results/metrics/balloons-itself.json"
    content = read_json(path)
    for record in content["records"]:
        record["note"] = ""
    target = tmp_path / "results/metrics/balloons-itself.json"
    write_json(target, content)
    loaded = load_project(tmp_path, runs=[row for row in RUNS if row.run == "balloons-itself"], clips=[])
    assert loaded.runs[0].status == MISSING  # its sample is not there


def test_a_clip_that_was_not_ingested_says_why(tmp_path: Path) -> None:
    failure = {"rule": "ingest", "run": "", "clip": "balloons", "method": "", "reason": "no video", "created": "1"}
    write_json(tmp_path / "results/failures/ingest-balloons.json", failure)
    project = load(tmp_path)
    assert (project.clips[0].video, project.clips[0].reason) == (None, "no video")
    assert project.clips[1].reason == UNFINISHED
    assert entry(project, "balloons-patches").reason == "no video"
    assert entry(project, "birds-patches").status == MISSING


def test_calibration_is_told_from_methods_and_named_by_what_it_does(root: Path) -> None:
    project = load(root)
    assert entry(project, "birds-noisy").title == "Noise added"
    assert [run.name for run in project.runs if run.calibration] == [row.run for row in CALIBRATION]
    assert [run.calibration for run in project.runs_of("balloons")] == [False] * 3 + [True] * 3


def test_runs_of_one_method_that_differ_are_called_differently(root: Path) -> None:
    rows = [*METHODS[:1], replace(METHODS[0], run="again", settings={}), replace(METHODS[1], preset="paper")]
    titles = [run.title for run in load_project(root, runs=rows, clips=CLIPS).runs]
    assert len(set(titles)) == 3
    assert "alpha = 0.1" in titles[0]
    assert "paper" in titles[2]


def test_a_title_tells_only_what_differs(root: Path) -> None:
    row = RunRow("one", "balloons", "vgpnn", preset="fast", settings={"alpha": 0.1, "sweeps": 3})
    rows = [row, replace(row, run="two", settings={"alpha": 0.2, "sweeps": 3}), replace(row, run="three", settings={})]
    titles = [run.title for run in load_project(root, runs=rows[:2], clips=CLIPS).runs]
    assert titles == ["VGPNN, alpha = 0.1", "VGPNN, alpha = 0.2"]
    titles = [run.title for run in load_project(root, runs=rows, clips=CLIPS).runs]
    assert titles == ["VGPNN, alpha = 0.1, sweeps = 3", "VGPNN, alpha = 0.2, sweeps = 3", "VGPNN"]


def test_curves_of_other_settings_are_left_out(tmp_path: Path) -> None:
    build_project(tmp_path)
    other = tmp_path / "results/models/balloons/trained/demo-1234/generator.curves.tsv"
    write_text(other, "step\tloss\n0\t1\n1\t2\n")
    write_text(other.with_name("generator.safetensors"), "theirs")
    mine = tmp_path / "results/models/balloons/trained/demo/generator.safetensors"
    write_text(mine, "mine")
    for path in (tmp_path / "results/samples/balloons-trained").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        from onereel.base.files import sha256_of

        write_json(path, {**record, "weights": {"generator": sha256_of(mine)}})
    run = entry(load(tmp_path), "balloons-trained")
    assert run.curves == {"generator": mine.with_name("generator.curves.tsv")}


def test_natural_order() -> None:
    assert sorted(["10", "2", "a10", "a9", "1"], key=natural_key) == ["1", "2", "10", "a9", "a10"]


def test_runs_of_the_demo_preset_say_so_and_no_others_do():
    rows = [RunRow("a", "balloons", "vgpnn"), RunRow("b", "birds", "vgpnn", preset="fast")]
    rows += [RunRow("c", "birds", "external:X", source="x"), RunRow("d", "birds", "calibration", preset="noisy")]
    titles = ["VGPNN", "VGPNN", "X (external)", "Noise added"]
    runs = [
        RunEntry(row, title, calibration=row.method == "calibration") for row, title in zip(rows, titles, strict=True)
    ]
    assert [run.demo for run in runs] == [True, False, False, False]
    found = [run.title for run in distinct_titles(runs)]
    assert found == ["VGPNN, demo preset", "VGPNN, fast", "X (external)", "Noise added"]
    assert [run.title for run in distinct_titles(runs[:1])] == ["VGPNN, demo preset"], "also where it is alone"


def test_prompts_tell_runs_of_one_method_apart(tmp_path: Path) -> None:
    long = "a very long sentence about balloons that drift slowly "
    prompts = ("", "in winter", "in  summer", f"{long}north", f"{long}south")
    rows = [
        RunRow(f"r{index}", "balloons", "trained", preset="fast", prompt=prompt) for index, prompt in enumerate(prompts)
    ]
    titles = [run.title for run in load_project(tmp_path, runs=rows, clips=CLIPS).runs]
    details = ["", ", “in winter”", ", “in summer”", f", “{long}north”", f", “{long}south”"]
    assert titles == [f"trained{detail}" for detail in details]
    (alone,) = load_project(tmp_path, runs=rows[3:4], clips=CLIPS).runs
    assert alone.title == "trained, “a very long sentence about balloons that drift…”"


def test_infinity_is_read_as_it_is_written_now_and_as_it_was(root: Path, tmp_path: Path) -> None:
    row = next(row for row in RUNS if row.run == "balloons-itself")
    shutil.copytree(root / "results/samples/balloons-itself", tmp_path / "results/samples/balloons-itself")
    content = read_json(root / "results/metrics/balloons-itself.json")
    target = tmp_path / "results/metrics/balloons-itself.json"
    for value, note, expected in (
        (float("inf"), "", float("inf")),
        (float("-inf"), "", float("-inf")),
        (None, "infinite: equal to the input", float("inf")),
        (None, "not defined for one sample", None),
    ):
        records = [
            {**item, "value": value, "note": note} if item["metric"] == "psnr" else item for item in content["records"]
        ]
        write_json(target, {**content, "records": records})
        (run,) = load_project(tmp_path, runs=[row], clips=[]).runs
        assert [record.value for record in run.records if record.metric == "psnr"] == [expected]


def test_a_run_without_a_clip_is_not_blamed_for_jobs_of_none(tmp_path: Path) -> None:
    failure = {"rule": "write_table", "run": "", "clip": "", "method": "", "reason": "no table", "created": "1"}
    write_json(tmp_path / "results/failures/write_table.json", failure)
    row = RunRow("free", "", "trained", preset="fast")
    (run,) = load_project(tmp_path, runs=[row], clips=[]).runs
    assert (run.status, run.reason) == (MISSING, UNFINISHED)
    write_json(tmp_path / "results/failures/fit.json", {**failure, "method": "trained", "reason": "no memory"})
    (run,) = load_project(tmp_path, runs=[row], clips=[]).runs
    assert (run.status, run.reason) == (FAILED, "no memory")


def test_a_run_without_a_clip_is_done_when_its_samples_are_there(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "results/samples/balloons-trained", tmp_path / "results/samples/free")
    whole, more = (RunRow("free", "", "trained", samples=count) for count in (2, 3))
    (run,) = load_project(tmp_path, runs=[whole], clips=[]).runs
    assert (run.status, len(run.samples), run.records) == (DONE, 2, ())
    (run,) = load_project(tmp_path, runs=[more], clips=[]).runs
    assert run.status == MISSING
