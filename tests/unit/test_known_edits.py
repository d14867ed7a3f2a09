"""Known edits: what they ask, sets of them in sheets, the benchmark as files, and scores of outputs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onereel.base.errors import ConfigError, OnereelError
from onereel.cli.app import app
from onereel.metrics.edits.benchmark import Benchmark, checksum, export_benchmark
from onereel.metrics.edits.judge import Judgement, Unanswered
from onereel.metrics.edits.scoring import EditorScores, Scores, fitted
from onereel.project import plan as plans
from onereel.project.edits import read_edits_sheet
from onereel.report.tables.edits import edit_tables
from onereel.scenes.world import FIRST_UNSEEN, EditSet, known_edit
from onereel.video.clip import Clip, read, write
from tests.workspace import ROOT

MEANS = ("all", "attribute", "ratio", "others_kept", "success")
TINY = {"number": 1, "frames": 9, "height": 32, "width": 32}


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words)])
    if isinstance(done.exception, OnereelError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_asked_is_what_is_rendered():
    for sources in ("own", "shared"):
        some = EditSet(kinds=("time", "add"), sources=sources, **TINY)
        for edit in some.edits():
            asked = some.asked[edit.name]
            told = (asked.name, asked.source_name, asked.prompt, asked.source_prompt)
            assert told == (edit.name, edit.source_name, edit.prompt, edit.source_prompt)


def test_edits_of_a_seed_may_share_their_source():
    shared = list(EditSet(kinds=("colour", "time", "direction", "style"), sources="shared", **TINY).edits())
    assert len({edit.source.tobytes() for edit in shared}) == len({edit.source_prompt for edit in shared}) == 1
    assert len({edit.prompt for edit in shared}) == len({edit.answer.tobytes() for edit in shared}) == 4
    own = list(EditSet(kinds=("colour", "time", "direction", "style"), **TINY).edits())
    assert len({edit.source.tobytes() for edit in own}) == 4


def test_nothing_but_the_mask_differs():
    for edit in EditSet(kinds=("colour", "add", "size", "time"), **TINY).edits():
        assert (edit.source[~edit.mask] == edit.answer[~edit.mask]).all()
        assert (edit.source[edit.mask] != edit.answer[edit.mask]).any()


def test_what_is_tuned_and_what_is_reported_share_no_source():
    tuned, reported = (known_edit(seed, "colour", frames=9) for seed in (3, FIRST_UNSEEN + 3))
    assert tuned.source_spec != reported.source_spec
    with pytest.raises(ValueError, match="on both sides"):
        EditSet(first=FIRST_UNSEEN - 1, number=2)


# ----------------------------------------------------------------------------------------------- sheets
def test_a_sheet_names_sets(tmp_path):
    sheet = tmp_path / "edits.tsv"
    sheet.write_text("edits\tkinds\tnumber\tsources\nall\t\t\t\nsome\tcolour, time\t2\tshared\n")
    sets = read_edits_sheet(sheet, EditSet(number=5))
    assert sets["all"] == EditSet(number=5)
    assert sets["some"] == EditSet(kinds=("colour", "time"), number=2, sources="shared")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a\tcolours\t\t", "'colours' is no kind of edit.*did you mean 'colour'"),
        ("a\tcolour\tmany\t", "line 2, column 'number'.*'many' is no whole number"),
        ("a\tcolour\t0\t", "line 2, column 'number'.*greater than or equal to 1"),
        ("a\tcolour,colour\t\t", "a kind stands twice"),
        ("a\tcolour\t\tmine", "column 'sources'.*choose one of own, shared"),
        ("a b\tcolour\t\t", "'a b'"),
    ],
)
def test_mistakes_in_the_sheet_are_told(tmp_path, row, problem):
    sheet = tmp_path / "edits.tsv"
    sheet.write_text(f"edits\tkinds\tnumber\tsources\n{row}\n")
    with pytest.raises(ConfigError, match=problem):
        read_edits_sheet(sheet, EditSet())


def project(tmp_path: Path, runs: str) -> plans.Plan:
    for name in ("methods", "tables", "edits.yaml", "weights.yaml"):
        target = tmp_path / "config" / name
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            target.symlink_to(ROOT / "config" / name)
    (tmp_path / "config/clips.tsv").write_text("name\tsource\nballoons\tscene:balloons\n")
    (tmp_path / "config/edits.tsv").write_text("edits\tkinds\tnumber\tsources\nsome\tcolour,time\t2\tshared\n")
    header = "run\tclip\tmethod\ttask\tpreset\tsamples\tsettings\tprompt\tsource\n"
    (tmp_path / "config/runs.tsv").write_text(header + runs)
    sheets = {"clips": "config/clips.tsv", "runs": "config/runs.tsv", "edits": "config/edits.tsv"}
    return plans.read(tmp_path, **sheets, tables=[], metrics=[])


def test_a_row_runs_on_every_edit_of_its_set(tmp_path):
    plan = project(tmp_path, "itself\tedits:some\tcalibration\tgenerate\titself\t1\t\t\t\n")
    assert plan.runs == {}
    names = [f"{kind}-{FIRST_UNSEEN + seed}" for kind in ("colour", "time") for seed in (0, 1)]
    assert list(plan.editor_runs["itself"]) == names
    assert set(plan.computed) == {f"edits:itself:{name}" for name in names}
    assert set(plan.edited_clips["some"]) == {f"edits.some.source-{FIRST_UNSEEN + seed}" for seed in (0, 1)}
    assert list(plan.editors["itself"].by_kind["time"]) == names[2:]


@pytest.mark.parametrize("white", ["mask", "edit"])
def test_prompts_come_from_the_edits_and_masks_where_they_are_read(tmp_path, monkeypatch, white):
    from onereel.methods import Roles, Task
    from onereel.methods.calibration import METHOD

    reads = {Task.GENERATE: Roles.of(f"{white} keep", prompt="needed")}
    monkeypatch.setattr(type(METHOD), "roles", reads)
    monkeypatch.setattr(type(METHOD), "calibration", False)
    plan = project(tmp_path, "itself\tedits:some\tcalibration\tgenerate\titself\t1\t\t\t\n")
    name = f"time-{FIRST_UNSEEN}"
    run = plan.editor_runs["itself"][name]
    assert run.prompt == plan.edit_sets["some"].asked[name].prompt
    assert run.inputs == {white: f"clip:edits.some.{name}.mask"}
    assert plan.edited_clips["some"][f"edits.some.{name}.mask"] == (name, "mask")
    own = project(tmp_path, "itself\tedits:some\tcalibration\tgenerate\titself\t1\t\tmine\t\n")
    assert {run.prompt for run in own.editor_runs["itself"].values()} == {"mine"}


def test_an_editor_is_tuned_once_for_a_source_and_told_what_it_shows(tmp_path):
    plan = project(tmp_path, "d\tedits:some\tdreamix\tedit_text\tfast\t1\t\t\t\n")
    runs = plan.editor_runs["d"]
    for name, run in runs.items():
        asked = plan.edit_sets["some"].asked[name]
        assert run.prompt == asked.prompt
        assert plan.configs[run.run].source_prompt == asked.source_prompt
        assert plan.backbones(run.run) == ("t2v-world",)
    models = {run.run: plan.models_of(run.run) for run in runs.values()}
    assert {tuple(parts) for parts in models.values()} == {("base", "spatial1", "spatial2")}
    assert len({parts["base"] for parts in models.values()}) == 2, "two sources, four edits"
    other = project(tmp_path, "d\tedits:some\tdreamix\tedit_text\tfast\t1\talpha=1; strength=0.5\t\t\n")
    assert other.models_of(next(iter(models)))["base"] not in [parts["base"] for parts in models.values()]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "a\tedits:sum\tcalibration\tgenerate\titself\t1\t\t\t",
            "run 'a': no set of known edits 'sum'.*did you mean 'some'",
        ),
        ("a\tedits:some\tcalibration\tgenerate\titself\t2\t\t\t", "run 'a': asks for 2 samples"),
        ("a\tedits:some\tcalibration\tedit_text\titself\t1\t\t\t", "edit_text"),
        ("a\tedits:some\tcalibration\tgenerate\titself\t1\tkindly=1\t\t", "run 'a'.*kind"),
    ],
)
def test_mistakes_of_rows_on_known_edits_are_told(tmp_path, row, problem):
    with pytest.raises(OnereelError, match=problem):
        project(tmp_path, f"{row}\n")


# ----------------------------------------------------------------------------------------------- files
@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "known"
    export_benchmark(EditSet(kinds=("colour", "time"), number=2), folder)
    return folder


def test_the_export_holds_all_that_an_outsider_needs(exported):
    manifest = json.loads((exported / "manifest.json").read_text())
    rows = manifest["edits"]
    assert [row["name"] for row in rows] == [
        f"{kind}-{FIRST_UNSEEN + seed}" for kind in ("colour", "time") for seed in (0, 1)
    ]
    assert "CC0" in (exported / "LICENCE.txt").read_text()
    for row in rows:
        edit = known_edit(int(row["name"].split("-")[1]), row["kind"])
        assert (read(exported / row["source"]).frames == edit.source).all()
        assert (read(exported / row["answer"]).frames == edit.answer).all()
        assert ((read(exported / row["mask"]).frames[..., 0] == 255) == edit.mask).all()
        assert (row["prompt"], row["source_prompt"]) == (edit.prompt, edit.source_prompt)
        assert manifest["answers"][row["name"]] == checksum(edit.answer)
    assert set(manifest["files"]) == {
        str(path.relative_to(exported))
        for path in exported.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def test_an_export_replaces_nothing_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/film.mp4").write_text("mine")
    with pytest.raises(ConfigError, match=r"mine': is there already, and not empty; name a new folder"):
        export_benchmark(EditSet(kinds=("time",), **TINY), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["film.mp4"]
    monkeypatch.setattr(
        "onereel.metrics.edits.benchmark.write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(OnereelError, match="cannot be written"):
        export_benchmark(EditSet(kinds=("time",), **TINY), tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_scores_of_a_folder_name_what_is_missing_and_what_cannot_be_used(exported, tmp_path):
    theirs, none = tmp_path / "theirs", tmp_path / "none"
    shutil.copytree(exported / "answers", theirs)
    shutil.copytree(exported / "sources", none)
    seeds = (FIRST_UNSEEN, FIRST_UNSEEN + 1)
    (theirs / f"time-{seeds[0]}.mkv").unlink()
    short, large = theirs / f"time-{seeds[1]}.mkv", theirs / f"colour-{seeds[0]}.mkv"
    write(short, Clip(read(short).frames[:8], read(short).fps))
    write(large, Clip(read(large).frames.repeat(2, 1).repeat(2, 2), read(large).fps))

    told = run(
        "benchmark", "score", theirs, none, "--benchmark", exported, "--align", "resize", "--out", tmp_path / "scores"
    )
    assert f"theirs: 1 missing: time-{seeds[0]}" in told
    assert f"theirs: time-{seeds[1]} cannot be used" in told
    assert "has 8 frames, the source 16" in told
    record = json.loads((tmp_path / "scores/scores.json").read_text())
    success = {name: [one["success"] for one in found["judgements"]] for name, found in record["editors"].items()}
    assert success["none"] == [False] * 4
    assert success["theirs"] == [True] * 2, "the two colours; of time there is no usable output"
    table = (tmp_path / "scores/edits.csv").read_text().splitlines()
    assert table[1].startswith(",theirs")
    assert {path.stem for path in (tmp_path / "scores").glob("*.md")} == {
        "edits", "edits-measures", "edits-dreamix-1", "edits-dreamix-2", "edits-gen1"
    }  # fmt: skip


@pytest.mark.parametrize(("align", "remedy"), [("", "--align resize"), ("crop", "--align resize")])
def test_outputs_of_another_size_are_used_only_where_that_was_asked(exported, tmp_path, align, remedy):
    (edit,) = EditSet(kinds=("colour",), number=1).edits()
    write(tmp_path / "large.mkv", Clip(edit.answer.repeat(2, 1).repeat(2, 2), edit.fps))
    with pytest.raises(OnereelError, match=remedy):
        fitted(edit, str(tmp_path / "large.mkv"), align)
    assert np.abs(fitted(edit, str(tmp_path / "large.mkv"), "resize").astype(int) - edit.answer).mean() < 3
    write(tmp_path / "long.mkv", Clip(np.concatenate([edit.answer, edit.answer]), edit.fps))
    assert (fitted(edit, str(tmp_path / "long.mkv"), "crop") == edit.answer).all()
    with pytest.raises(OnereelError, match=r"has 32 frames, the source 16.*--align crop"):
        fitted(edit, str(tmp_path / "long.mkv"), "resize")


def test_outputs_that_answer_nothing_and_answers_that_were_changed_are_refused(exported, tmp_path):
    (tmp_path / "outputs").mkdir()
    shutil.copy(exported / f"answers/time-{FIRST_UNSEEN}.mkv", tmp_path / f"outputs/tine-{FIRST_UNSEEN}.mkv")
    with pytest.raises(OnereelError, match=f"did you mean 'time-{FIRST_UNSEEN}'"):
        run("benchmark", "score", tmp_path / "outputs", "--benchmark", exported)
    with pytest.raises(ConfigError, match="no such way"):
        run("benchmark", "score", tmp_path / "outputs", "--benchmark", exported, "--align", "stretch")
    with pytest.raises(OnereelError, match=r"holds no manifest\.json"):
        run("benchmark", "score", tmp_path / "outputs", "--benchmark", tmp_path)
    benchmark = Benchmark.read(exported)
    other = Benchmark(benchmark.settings, {**benchmark.answers, f"time-{FIRST_UNSEEN}": "0" * 64})
    with pytest.raises(ConfigError, match="drawn otherwise than when this benchmark was exported"):
        list(other.edits("time"))


def test_the_command_line_says_what_does_not_fit(tmp_path):
    for words, problem in (
        (["--size", "16x64"], "write 16x64x64"),
        (["--kinds", "colours"], "did you mean 'colour'"),
        (["--number", "0"], "number"),
    ):
        with pytest.raises(ConfigError, match=problem):
            run("benchmark", "export", tmp_path / "new", *words)
    assert not list(tmp_path.iterdir())


# ----------------------------------------------------------------------------------------------- tables
def judged(kind: str, seed: int, *, success: bool, moves: float = 1.0) -> Judgement:
    return Judgement(
        name=f"{kind}-{seed}", kind=kind, attribute="groups.0.colour", before="red", after="blue",
        attribute_right=success, reader_right=True, others={}, others_kept=1.0, named_kept=None,
        psnr_outside=30.0, ssim_outside=0.9, psnr_truth=20.0, ssim_truth=0.8, motion=0.1, moves=moves, true_moves=1.0,
        frame_consistency=0.9, prompt_consistency=0.7, success=success,
    )  # fmt: skip


def test_stills_are_shown_and_never_ranked():
    editors = {
        "good": EditorScores([judged("time", 0, success=True), judged("time", 1, success=False)]),
        "poor": EditorScores([judged("time", 0, success=False), judged("time", 1, success=False)]),
        "still": EditorScores([judged("time", seed, success=True, moves=0.1) for seed in (0, 1)]),
        "true edit": EditorScores([judged("time", seed, success=True) for seed in (0, 1)], calibration=True),
    }
    table = edit_tables(Scores(editors, {"time": 1.0}, ("some network",)))[0]
    assert [row.label for block in table.blocks for row in block.rows] == ["good", "poor", "still", "true edit"]
    bold = {row.label: row.cells[0].best for block in table.blocks for row in block.rows}
    assert bold == {"good": True, "poor": False, "still": False, "true edit": False}
    assert np.isclose(table.blocks[0].rows[0].cells[0].mean, 0.5)


def test_a_mean_over_fewer_kinds_is_never_the_best():
    good, poor = judged("time", 0, success=True), judged("time", 0, success=False)
    left = Unanswered("colour-0", "colour", "groups.0.colour", "red", "blue", reader_right=True)
    editors = {
        "some kinds": EditorScores([good], [left]),
        "all kinds": EditorScores([poor, judged("colour", 0, success=False)]),
        "all, too": EditorScores([poor, judged("colour", 0, success=True)]),
    }
    scores = Scores(editors, {"time": 1.0}, ("some network",))
    rows = {row.label: row for row in edit_tables(scores)[0].blocks[0].rows}
    assert rows["some kinds"].partly == "1 of 2 missing"
    assert [rows["some kinds"].cells[0].best, rows["all, too"].cells[0].best] == [False, True]
    for table in edit_tables(scores):
        last = next(row for row in table.blocks[0].rows if row.label == "some kinds")
        means = [cell for cell, column in zip(last.cells, table.columns, strict=True) if column.metric in MEANS]
        assert not any(cell and cell.best for cell in means)


def test_dreamix_types_hold_every_kind_once():
    from onereel.report.tables.edits import TYPES
    from onereel.scenes.world import EDITS

    assert sorted(kind for kinds in TYPES.values() for kind in kinds) == sorted(EDITS)
