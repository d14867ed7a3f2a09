"""Gen-1 held against its paper: trade-offs, right answers kind by kind, tables of pictures, and their configuration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel.base.errors import ConfigError
from onereel.base.readers import read_yaml
from onereel.methods import configure, load_method
from onereel.metrics.edits.judge import Judgement, Unanswered, correlation
from onereel.metrics.edits.scoring import EditorScores, Scores
from onereel.project import plan
from onereel.project.comparisons import Grid, Levels, Sweep, Tradeoff, Truth, check_comparison, read_comparison
from onereel.project.runs import read_run_sheet
from onereel.report.comparisons import ComparedRun, Material, write_comparison
from onereel.report.comparisons.grid import grid
from onereel.report.comparisons.strip import MASK, _rows
from onereel.report.comparisons.sweep import sweep
from onereel.report.comparisons.tradeoff import MADE, tradeoff
from onereel.report.comparisons.truth import accuracy, best_level, truth
from onereel.scenes.world import EditSet
from onereel.video.clip import Clip, write
from tests.documents import blocks

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config/gen1"
THROUGH = "true edit through latent-world"


def judged(name: str, after: str = "blue", **values: object) -> Judgement:
    plain = Judgement(
        name=name, kind=name.partition("-")[0], attribute="groups.0.colour", before="red", after=after,
        attribute_right=True, reader_right=True, others={}, others_kept=1.0, named_kept=None, psnr_outside=30.0,
        ssim_outside=0.9, psnr_truth=20.0, ssim_truth=0.8, motion=0.1, moves=1.0, true_moves=1.0,
        frame_consistency=0.9, prompt_consistency=0.7, success=True, sgfid_truth=1.0, warp_error=0.01, depth_kept=0.8,
    )  # fmt: skip
    return replace(plain, **values)


def scores(*found: Judgement, calibration: bool = False) -> EditorScores:
    return EditorScores(list(found), calibration=calibration)


def several(kind: str, right: int, of: int = 4, **values: object) -> list[Judgement]:
    return [judged(f"{kind}-{index}", attribute_right=index < right, **values) for index in range(of)]


def made(**by_name: list[Judgement]) -> Scores:
    names = {"through": THROUGH, "truth": "true edit", "source": "source"}
    return Scores({names[key]: scores(*found, calibration=True) for key, found in by_name.items()}, {}, ())


# Right answers, kind by kind


def truth_of(ours: list[Judgement], theirs: list[Judgement], **asked: object) -> tuple[Truth, Material]:
    kinds = list(dict.fromkeys(one.kind for one in ours))
    every = [f"{kind}-{index}" for kind in kinds for index in range(4)]
    above = made(
        through=[judged(name, attribute_right=not name.endswith("-3")) for name in every],
        truth=[judged(name, depth_kept=0.9) for name in every],
        source=[judged(name, attribute_right=False, psnr_truth=15.0 + 0.1 * int(name[-1])) for name in every],
    )
    description = Truth(form="truth", title="T", editors={"Ours": ("a",), "Theirs": ("b",)}, **asked)
    return description, Material({"a": scores(*ours), "b": scores(*theirs)}, [above])


def test_the_new_value_counts_against_what_is_read_of_true_edits_through_the_autoencoder():
    """3 of 4 are read of the ceiling: 3 of 4 are all that can be reached, 2 of 4 are below 0.8 of it."""
    asked, material = truth_of(
        several("colour", 3) + several("time", 2), several("colour", 0), attribute=("colour", "time")
    )
    shown = truth(asked, material)
    assert shown.notes[0].startswith("colour: the new value is there in at least 0.8")
    assert "holds (0.75 of 0.75: 1.00)" in shown.notes[0]
    assert "does not hold (0.50 of 0.75: 0.67)" in shown.notes[1]
    (table,) = shown.tables
    assert [row.label for row in table.blocks[0].rows] == ["Ours", "Theirs"]
    assert [row.label for row in table.blocks[1].rows] == [THROUGH, "true edit", "source"]
    assert table.blocks[0].rows[1].cells[1] is None, "of a kind without outputs nothing is said"


def test_a_rare_value_weighs_as_much_as_a_frequent_one():
    found = [judged(f"time-{index}", "night", attribute_right=False) for index in range(3)]
    assert accuracy([*found, judged("time-3", "sunset")], "time") == 0.5
    assert accuracy(found, "style") is None


def test_an_output_is_to_be_nearer_to_the_right_answer_than_the_source_and_keep_more_depth_than_others():
    near = [judged(f"time-{index}", psnr_truth=18.0 + 0.2 * index, depth_kept=0.8) for index in range(4)]
    loose = [judged(f"time-{index}", depth_kept=0.5 - 0.05 * index) for index in range(4)]
    asked, material = truth_of(near, loose, fidelity=("time",), structure=("time",), without=("Theirs",))
    assert [note.split(":")[1].split("(")[0].strip() for note in truth(asked, material).notes] == [
        "nearer to the right answer than the source", "holds",
    ]  # fmt: skip
    far = [replace(one, psnr_truth=12.0 + 0.2 * index, depth_kept=0.1) for index, one in enumerate(near)]
    asked, material = truth_of(far, loose, fidelity=("time",), structure=("time",), without=("Theirs",))
    nearer, keeps = truth(asked, material).notes
    assert "does not hold" in nearer
    assert "does not hold" in keeps


def test_a_kind_is_told_at_the_setting_that_was_best_elsewhere():
    ours = several("setting", 1) + several("colour", 4)
    levels = Levels(chosen={0: ("c0",), 3: ("c3",)}, told={0: ("a",), 3: ("t3",)})
    asked, material = truth_of(ours, several("colour", 0), attribute=("setting", "colour"), best={"setting": levels})
    further = {
        "c0": scores(*several("setting", 1)), "c3": scores(*several("setting", 2)),
        "t3": scores(*several("setting", 3)),
    }  # fmt: skip
    material = replace(material, scores={**material.scores, **further})
    assert best_level("setting", levels, material) == 3
    shown = truth(asked, material)
    assert shown.notes[0] == "setting: told at 3, the best of 2 values on edits that are reported nowhere."
    assert "holds (0.75 of 0.75" in shown.notes[1]
    reported = shown.tables[0].blocks[0].rows[0].cells
    assert [cell.mean for cell in reported] == [0.75, 1.0]


def test_what_is_missing_is_not_right():
    gone = Unanswered("colour-3", "colour", "groups.0.colour", "red", "blue", reader_right=True)
    asked, material = truth_of(several("colour", 3, 3), several("colour", 4), attribute=("colour",))
    left_out = replace(material.scores["a"], missing=[gone])
    first = truth(asked, replace(material, scores={**material.scores, "a": left_out}))
    assert first.tables[0].blocks[0].rows[0].cells[0].mean == 0.75


def test_a_ceiling_that_nobody_made_is_named():
    asked, material = truth_of(several("colour", 3), several("colour", 0), attribute=("colour",))
    with pytest.raises(ConfigError, match="calibration 'true edit through latent-world': was not made"):
        truth(asked, replace(material, calibration=[]))


# Trade-offs and curves


def test_every_setting_of_every_method_is_a_point_with_both_intervals():
    asked = Tradeoff(
        form="tradeoff", title="T", series={"Ours": {"0": ("a",), "1": ("b",)}, "Theirs": {"x": ("c",)}},
        calibration=("source",),
        claims=({"says": "Less", "measure": "prompt_consistency", "lower": "Ours: 0", "than": "Ours: 1"},),
    )  # fmt: skip
    low, high = (
        [judged(f"time-{index}", prompt_consistency=value + 0.01 * index, frame_consistency=0.9 - value / 10)
         for index in range(4)]
        for value in (0.2, 0.6)
    )  # fmt: skip
    material = Material(
        {"a": scores(*low), "b": scores(*high), "c": scores(judged("time-0"))},
        [made(source=[judged("time-0", frame_consistency=0.99), judged("style-9", frame_consistency=0.1)])],
    )
    shown = tradeoff(asked, material)
    assert "holds" in shown.notes[0]
    (table,) = shown.tables
    assert [(block.title, [row.label for row in block.rows]) for block in table.blocks] == [
        ("Ours", ["0", "1"]), ("Theirs", ["x"]), (MADE, ["source"]),
    ]  # fmt: skip
    first = table.blocks[0].rows[0].cells[0]
    assert first is not None
    assert first.low is not None
    assert first.low < first.mean == pytest.approx(0.215)
    of_source = table.blocks[2].rows[0].cells[1]
    assert of_source is not None
    assert of_source.mean == 0.99, "of edits that nobody is compared on nothing counts"
    (axes,) = shown.figures["tradeoff"].axes
    assert [text.get_text() for text in axes.texts] == ["0", "1", "x", "source"]


def test_what_a_curve_is_to_say_is_decided_by_its_points():
    asked = Sweep(
        form="sweep", title="T", panels=({"axis": "omega_t", "points": {0.5: ("a",), 1.5: ("b",)}},),
        measures=("frame_consistency", "warp_error"),
        claims=(
            {"says": "Rises", "measure": "frame_consistency", "lower": "omega_t 0.5", "than": "omega_t 1.5"},
            {"says": "Falls", "measure": "warp_error", "lower": "omega_t 1.5", "than": "omega_t 0.5"},
        ),
    )  # fmt: skip
    rough = [judged(f"time-{index}", frame_consistency=0.7 + 0.01 * index, warp_error=0.04) for index in range(4)]
    smooth = [judged(f"time-{index}", frame_consistency=0.8, warp_error=0.05) for index in range(4)]
    notes = sweep(asked, Material({"a": scores(*rough), "b": scores(*smooth)})).notes
    assert "Rises: holds" in notes[0]
    assert "Falls: does not hold" in notes[1]
    wrong = asked.model_copy(update={"claims": (asked.claims[0].model_copy(update={"than": "omega_t 15"}),)})
    with pytest.raises(ConfigError, match="no point is called 'omega_t 15'"):
        check_comparison("x", wrong, {"a", "b"}, ())


# Tables of pictures


def grid_of(tmp_path: Path, **asked: object) -> tuple[Grid, Material]:
    clips = {}
    for name, value in (("v0", 40), ("v1", 120)):
        clips[name] = tmp_path / f"{name}.mkv"
        write(clips[name], Clip(np.full((4, 16, 16, 3), value, np.uint8)))
    runs = []
    for row, column, value in (("v0", "v1", 200), ("v1", "v0", 250)):
        path = tmp_path / f"{row}-{column}.mkv"
        write(path, Clip(np.full((4, 16, 16, 3), value, np.uint8)))
        given = {"clip": clips[row], "content": clips[column]}
        runs.append(ComparedRun("", f"{row}-of-{column}", (path,), {}, given))
    names = {"v0": "", "v1": ""}
    description = Grid(form="grid", title="T", rows=names, columns=names, run="{row}-of-{column}", **asked)
    return description, Material(runs=runs)


def test_rows_and_columns_show_their_clips_and_every_run_stands_where_they_meet(tmp_path):
    asked, material = grid_of(tmp_path, row_head="clip", column_head="content")
    figure = grid(asked, material).figures["grid"]
    shown = [[int(axes.images[0].get_array()[0, 0, 0]) if axes.images else None for axes in row]
             for row in np.reshape(np.array(figure.axes, dtype=object), (3, 3))]  # fmt: skip
    assert shown == [[None, 40, 120], [40, None, 200], [120, 250, None]]


def test_likeness_is_measured_against_held_out_pictures(tmp_path):
    folder = tmp_path / "held_out"
    folder.mkdir()
    Image.new("RGB", (16, 16), (200, 200, 200)).save(folder / "0.png")
    asked, material = grid_of(tmp_path, likeness=str(folder), frames=2)
    shown = grid(asked, material)
    assert len(shown.figures["grid"].axes) == 8
    (table,) = shown.tables
    first, second = (row.cells for row in table.blocks[0].rows)
    assert first[0] is None
    assert second[1] is None
    assert first[1] is not None
    assert second[0] is not None
    assert first[1].mean == pytest.approx(1, abs=1e-4), "as grey as the picture"
    assert second[0].mean < 0.9999


def test_a_clip_that_a_run_does_not_have_is_named(tmp_path):
    asked, material = grid_of(tmp_path, row_head="style")
    with pytest.raises(ConfigError, match="has no clip 'style' to be shown; it has clip, content"):
        grid(asked, material)


def test_a_strip_shows_where_an_edit_may_change():
    asked = read_comparison(FOLDER / "figure8.yaml")
    assert asked.form == "strip"
    known = EditSet(kinds=("setting",), number=1)
    edit, videos = _rows("setting-10000000", asked, Material(sets={"masked": known}))
    assert list(videos)[:2] == ["Source", MASK]
    same = (videos[MASK] == edit.source).all(-1)
    assert same[~edit.mask].all()
    assert not same[edit.mask].all()


def test_depth_of_another_scale_is_the_same_depth():
    depth = np.random.default_rng(0).random((2, 4, 4))
    assert correlation(depth, 3 * depth + 1) == pytest.approx(1)
    assert correlation(depth, -depth) == pytest.approx(-1)
    assert correlation(depth, np.ones_like(depth)) is None


# The configuration


@pytest.fixture(scope="module")
def planned():
    config = read_yaml(FOLDER / "config.yaml", "configuration")
    return plan.read(
        ROOT, clips=config["clips"], runs=config["runs"], edits=config["edits"], tables=(), metrics=(),
        comparisons=config["comparisons"],
    )  # fmt: skip


def test_every_row_is_shown_and_every_comparison_finds_its_rows(planned):
    named = {row for one in planned.compared.values() for row in one.editors_named}
    assert named == set(planned.editors)
    shown = {run for one in planned.compared.values() for run in one.patterns.values()}
    assert shown == set(planned.runs)


def test_as_many_pairs_as_are_asked_for_of_seeds_that_nobody_saw(planned):
    sets = planned.edit_sets
    assert len(sets["pairs"].requests) == 80
    assert len(sets["sweep"].requests) == 16
    assert not sets["pairs"].requests.keys() & sets["sweep"].requests.keys()
    assert all(sets[name].first >= 10_000_000 for name in ("pairs", "settings", "sweep", "masked"))
    assert sets["choose"].first + sets["choose"].number < 10_000_000
    assert sets["settings"].requests.keys() < sets["pairs"].requests.keys()


def test_points_are_what_their_names_say(planned):
    def config_of(row: str):
        given = planned.editor_rows[row]
        return configure(load_method(given.method), given.preset, given.settings, task=given.task)

    curve = planned.compared["figure4"]
    assert {config_of(rows[0]).temporal_scale: value for value, rows in curve.panels[0].points.items()} == {
        value: value for value in (0.5, 0.75, 1.0, 1.25, 1.5)
    }
    series = planned.compared["figure6"].series
    for name, setting in (
        ("Gen-1, t_s", "structure_level"),
        ("SDEdit per frame", "strength"),
        ("Gen-1 without structure", "strength"),
        ("IVS", "strength"),
    ):
        for words, rows in series[name].items():
            assert getattr(config_of(rows[0]), setting) == float(words)


def test_rows_for_somebody_elses_outputs_are_as_the_page_says(tmp_path):
    found = {}
    for text in blocks(ROOT / "docs/gen1.md", "tsv"):
        if text.startswith("run\t"):
            (tmp_path / "runs.tsv").write_text(text, encoding="utf-8")
            found |= {(row.run, row.clip): row for row in read_run_sheet(tmp_path / "runs.tsv", ("boat",)).values()}
    on_edits, on_clip = found["text2live", "edits:sweep"], found["text2live", "boat"]
    assert on_edits.external
    assert on_clip.external
    assert on_edits.source == "outputs/text2live"
    assert on_clip.prompt == found["ours", "boat"].prompt
    assert found["ours", "boat"].preset == "public"


def test_pages_come_out_of_the_configuration_s_descriptions(planned, tmp_path):
    """Whole folders: of a curve, a trade-off and right answers, with made-up judgements."""
    rng = np.random.default_rng(0)

    def outputs(row: str) -> EditorScores:
        names = planned.editors[row].asked.requests
        return scores(
            *(
                judged(
                    name,
                    frame_consistency=float(rng.uniform(0.8, 0.95)),
                    prompt_consistency=float(rng.uniform(0.4, 0.7)),
                )
                for name in names
            )
        )

    material = Material({row: outputs(row) for row in planned.editors})
    every = {name for one in planned.edit_sets.values() for name in one.requests}
    some = [judged(name) for name in sorted(every)]
    material = replace(material, calibration=[made(through=some, truth=some, source=some)])
    for name in ("figure4", "figure6", "truth"):
        write_comparison(planned.compared[name], material, tmp_path / name)
        assert (tmp_path / name / "index.html").is_file()
    for name in ("figure4/settings.png", "figure6/tradeoff.svg", "truth/attribute.csv", "truth/structure.md"):
        assert (tmp_path / name).stat().st_size > 0
