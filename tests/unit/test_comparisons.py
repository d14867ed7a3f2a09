"""Comparisons beyond one set of known edits: who is the best by truth, what is claimed, pictures, settings, pages."""

import csv
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from onereel.base.errors import ConfigError
from onereel.base.files import write_json
from onereel.base.readers import read_yaml
from onereel.jobs.animations import Along, Moved, along, judge_moved
from onereel.methods.dreamix.camera import flow_of, path_of
from onereel.methods.dreamix.coarse import coarse_video
from onereel.methods.dreamix.shown import KEPT
from onereel.metrics.edits.judge import Judgement, Unanswered
from onereel.metrics.edits.scoring import EditorScores
from onereel.project.comparisons import (
    REBUILT,
    Animation,
    BestOf,
    Claim,
    Panel,
    Ratings,
    Strip,
    Subjects,
    Sweep,
    check_comparison,
    read_comparison,
)
from onereel.project.config import Config, read_config
from onereel.project.edits import read_edits_sheet
from onereel.report.comparisons import ComparedRun, Material, write_comparison
from onereel.report.comparisons.animation import animation
from onereel.report.comparisons.best_of import best_of, choices
from onereel.report.comparisons.ratings import ratings, verdict
from onereel.report.comparisons.strip import strip
from onereel.report.comparisons.subjects import subjects
from onereel.report.comparisons.sweep import by_source, points_of, sweep
from onereel.report.tables.edits import TYPES
from onereel.scenes.world import EditSet, render, sample_world
from onereel.video.clip import Clip, to_frames, to_video, write

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config/dreamix"


pytestmark = pytest.mark.usefixtures("one_thread")


def judged(name: str, psnr: float | None = 20.0, *, success: bool = True, **values: object) -> Judgement:
    return replace(
        Judgement(
            name=name, kind=name.partition("-")[0], attribute="groups.0.colour", before="red", after="blue",
            attribute_right=success, reader_right=True, others={}, others_kept=1.0, named_kept=None,
            psnr_outside=30.0, ssim_outside=0.9, psnr_truth=psnr, ssim_truth=0.8, motion=0.1, moves=1.0,
            true_moves=1.0, frame_consistency=0.9, prompt_consistency=0.7, success=success, sgfid_truth=1.0,
        ),
        **values,
    )  # fmt: skip


def scores(*found: Judgement, missing: tuple[Unanswered, ...] = ()) -> EditorScores:
    return EditorScores(list(found), list(missing))


# Who is the best


def test_of_what_succeeds_the_nearest_to_the_right_answer_is_the_best():
    found = choices(
        {
            "one": {
                "time-0": judged("time-0", 30, success=False),
                "time-1": judged("time-1", 25),
                "style-0": judged("style-0", None, ssim_truth=0.5),
                "size-0": judged("size-0", 25),
            },
            "two": {
                "time-0": judged("time-0", 20),
                "time-1": judged("time-1", 26),
                "style-0": judged("style-0", None, ssim_truth=0.4),
                "size-0": judged("size-0", 25),
            },
        },
        {"time-0": "time", "time-1": "time", "style-0": "style", "size-0": "size", "add-0": "add"},
        "none",
    )
    best = {one.edit: one.shares for one in found}
    assert best["time-0"] == {"one": 0, "two": 1, "none": 0}, "what fails does not compete, however near it is"
    assert best["time-1"] == {"one": 0, "two": 1, "none": 0}
    assert best["style-0"] == {"one": 1, "two": 0, "none": 0}
    assert best["size-0"] == {"one": 0.5, "two": 0.5, "none": 0}, "equals share it"
    assert best["add-0"] == {"one": 0, "two": 0, "none": 1}, "nobody has an output"


def test_shares_stand_by_type_beside_what_people_chose():
    asked = BestOf(
        form="best_of",
        title="Best",
        editors={"Plain": ("plain-a", "plain-b"), "Tuned": ("tuned-a", "tuned-b")},
        published={"motion": {"Plain": 17, "Tuned": 47, "None": 11}, "style": {"Plain": 67, "Tuned": 7, "None": 6}},
    )
    gone = Unanswered("speed-1", "speed", "groups.0.speed", "slow", "fast", reader_right=True)
    material = Material(
        {
            "plain-a": scores(judged("direction-0", 20), judged("speed-0", success=False)),
            "plain-b": scores(judged("style-1", 20), missing=(gone,)),
            "tuned-a": scores(judged("direction-0", 21), judged("speed-0")),
            "tuned-b": scores(judged("style-1", 30), judged("speed-1", success=False)),
        }
    )
    shown = best_of(asked, material)
    table, success = shown.tables
    labels = [[row.label for row in block.rows] for block in table.blocks]
    assert labels == [["Motion", "Style"], ["Direction", "Speed", "Style"]]
    motion = table.blocks[0].rows[0]
    assert [round(cell.mean, 1) for cell in motion.cells] == [0, 66.7, 33.3]
    assert [cell.n for cell in motion.cells] == [3, 3, 3]
    assert [cell.best for cell in motion.cells] == [False, True, False]
    assert [one.value for one in motion.published] == [17, 47, 11]
    assert shown.notes == (
        "Motion: most often the best is Tuned (67 %); people chose Tuned (47 %): the same.",
        "Style: most often the best is Tuned (100 %); people chose Plain (67 %): another.",
    )
    plain, tuned = success.blocks[0].rows
    assert [round(cell.mean, 1) for cell in plain.cells] == [33.3, 100]
    assert [round(cell.mean, 1) for cell in tuned.cells] == [66.7, 100]
    (axes,) = shown.figures["best"].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "motion (n = 3)", "people", "style (n = 1)", "people"
    ]  # fmt: skip


# What is claimed


def test_a_claim_holds_where_the_interval_of_the_difference_leaves_zero_out():
    low = {f"time-{seed}": judged(f"time-{seed}", psnr_outside=20.0 + seed % 2) for seed in range(8)}
    high = {f"time-{seed}": judged(f"time-{seed}", psnr_outside=25.0) for seed in range(8)}
    mixed = {f"time-{seed}": judged(f"time-{seed}", psnr_outside=25.0 + (-1) ** seed) for seed in range(8)}
    none = {"time-0": judged("time-0", psnr_outside=None)}
    everyone = {"low": low, "high": high, "mixed": mixed, "none": none}

    def told(lower: str, than: str) -> str:
        return verdict(Claim(says="It is", measure="psnr_outside", lower=lower, than=than), everyone)

    assert told("low", "high").startswith("It is: holds (Fidelity (PSNR outside) of low less that of high: -4.5 [")
    assert told("low", "high").endswith(" dB; 8 edits).")
    assert "does not hold" in told("high", "low")
    assert "cannot be told from these edits" in told("mixed", "high")
    assert "no edit has both" in told("none", "high")


def test_ratings_rank_no_stills_and_say_what_numbers_mean():
    asked = Ratings(
        form="ratings",
        title="Ratings",
        editors={"Good": ("good",), "Poor": ("poor",), "Still": ("still",)},
        claims=(Claim(says="Poor looks worse", measure="sgfid_truth", lower="Good", than="Poor"),),
    )
    names = [f"time-{seed}" for seed in range(4)]
    material = Material(
        {
            "good": scores(*(judged(name, sgfid_truth=1.0) for name in names)),
            "poor": scores(*(judged(name, sgfid_truth=3.0) for name in names)),
            "still": scores(*(judged(name, sgfid_truth=0.5, moves=0.1) for name in names)),
        }
    )
    shown = ratings(asked, material)
    rows = {row.label: row for row in shown.tables[0].blocks[0].rows}
    assert {label: row.cells[0].best for label, row in rows.items()} == {"Good": True, "Poor": False, "Still": False}
    assert rows["Still"].marks
    assert "Poor looks worse: holds" in shown.notes[0]


# Settings


def test_settings_are_drawn_with_intervals_over_sources():
    found = by_source([judged("time-1", psnr_outside=None), judged("time-2"), judged("size-2")], "psnr_outside")
    assert found == {"2": [30.0, 30.0]}
    material = Material(
        {
            "little": scores(judged("time-1"), judged("size-1", success=False), judged("time-2", success=False)),
            "much": scores(judged("time-1"), judged("size-1"), judged("time-2")),
        }
    )
    panel = Panel(axis="strength", points={0.9: ("much",), 0.5: ("little",)})
    points = points_of(panel, ("success",), material)
    assert [(point.value, point.cell.mean) for point in points] == [(0.5, 0.25), (0.9, 1.0)]
    assert points[0].cell.low == 0 < 0.25 < points[0].cell.high, "sources weigh alike, and are drawn again"
    shown = sweep(Sweep(form="sweep", title="S", panels=(panel,), measures=("success",)), material)
    assert [row.label for row in shown.tables[0].blocks[0].rows] == ["0.5", "0.9"]
    (axes,) = shown.figures["settings"].axes
    assert axes.lines[0].get_xdata().tolist() == [0.5, 0.9]


# Frames


def test_a_strip_shows_source_outputs_and_the_right_answer_in_step(tmp_path):
    known = EditSet(kinds=("time",), number=1, frames=9, height=32, width=32)
    (edit,) = known.edits()
    grey = np.full_like(edit.source, 90)
    write(tmp_path / f"{edit.name}.mkv", Clip(grey, edit.fps))
    material = Material(
        outputs={"mine": {edit.name: str(tmp_path / f"{edit.name}.mkv")}, "absent": {}},
        sets={"mine": known, "absent": known},
    )
    asked = Strip(form="strip", title="S", editors={"Mine": ("mine",), "No": ("absent",)}, edits=(edit.name,), frames=3)
    (figure,) = strip(asked, material).figures.values()
    images = [axes.images[0].get_array() for axes in figure.axes]
    assert len(images) == 3 * 3, "source, mine, right answer"
    for row, frames in enumerate((edit.source, grey, edit.answer)):
        for column, at in enumerate((0, 4, 8)):
            assert (images[3 * row + column] == frames[at]).all()
    with pytest.raises(ConfigError, match="is in none of the compared sets"):
        strip(asked.model_copy(update={"edits": ("time-3",)}), material)


# Pictures in motion


@pytest.mark.parametrize("camera", ["pan left", "zoom out", "rotate right", "random"])
def test_the_flow_of_a_path_leads_to_the_same_place_of_the_picture(camera):
    path = path_of(camera, 0.3, 4, 1.5, torch.Generator().manual_seed(1))
    flow = flow_of(path, 20, 30)
    assert flow.shape == (3, 20, 30, 2)
    for frame, y, x in ((0, 3, 4), (1, 12, 25), (2, 19, 0)):

        def place(at: int, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
            where = path[at] @ [(x + 0.5 + dx) / 30, (y + 0.5 + dy) / 20, 1]  # noqa: B023
            return where[:2] / where[2]

        assert np.allclose(place(frame), place(frame + 1, *flow[frame, y, x]))
    if camera == "pan left":
        assert (flow[..., 0] > 0).all(), "the camera goes left, things go right"


def test_motion_is_measured_along_what_was_asked():
    pan = flow_of(path_of("pan left", 0.3, 4, 1.0, torch.Generator()), 16, 16)
    zoom = flow_of(path_of("zoom in", 0.3, 4, 1.0, torch.Generator()), 16, 16)
    for asked in (pan, zoom):
        assert along(asked, asked) == pytest.approx(Along(0, 1))
        assert along(0.5 * asked, asked) == pytest.approx(Along(0, 0.5))
        assert along(-asked, asked) == pytest.approx(Along(180, 1))
        turned = np.stack([-asked[..., 1], asked[..., 0]], -1)
        assert along(asked + turned, asked) == pytest.approx(Along(45, 2**0.5))
        assert along(np.zeros_like(asked), asked).length == 0
    assert along(pan, zoom).length < 0.2, "a pan does not zoom"
    assert along(pan, np.zeros_like(pan)) is None


def test_pictures_in_motion_are_measured_against_their_path(tmp_path):
    picture = to_video(render(sample_world(10_000_009), 1, 64, 64, 8).frames)
    config = {"camera": "pan left", "camera_amount": 0.2}
    path = path_of("pan left", 0.2, 6, 1.0, torch.Generator())
    moving = to_frames(coarse_video([picture], path, dissolve=False))
    for name, frames in (("moves", moving), ("back", moving[::-1].copy())):
        write(tmp_path / f"{name}.mkv", Clip(frames))
        write_json(tmp_path / f"{name}.json", {"seed": 0, "effects": {KEPT: 31.0}})
    moves, back = judge_moved([tmp_path / "moves.mkv", tmp_path / "back.mkv"], [config, config])
    assert moves.psnr == 31
    assert moves.along.angle < 30
    assert 0.5 < moves.along.length < 1.5
    assert back.along.angle > 150


def run_of(label: str, name: str, picture: str, camera: str = "pan left") -> ComparedRun:
    given = {"picture": Path(f"{picture}.mkv")}
    return ComparedRun(label, name, (Path(f"{name}.mkv"),), {"camera": camera}, given)


def test_a_picture_is_kept_where_the_model_can_hardly_do_better(monkeypatch):
    found = {
        "t0.mkv": Moved(24.2, Along(10, 0.6)), "t1.mkv": Moved(23.0, Along(40, 1.0)), "t2.mkv": Moved(26.0, None),
        "u0.mkv": Moved(20.0, Along(10, 0.2)), "u1.mkv": Moved(20.0, Along(170, 1.0)), "u2.mkv": Moved(20.0, None),
        "r0.mkv": Moved(25.0, None), "r1.mkv": Moved(25.0, None), "r2.mkv": Moved(40.0, None),
    }  # fmt: skip
    monkeypatch.setattr(
        "onereel.report.comparisons.animation.judge_moved",
        lambda samples, configs, *, moving: [found[str(path)] for path in samples],
    )
    runs = [
        run_of(label, f"{name}{index}", f"p{index}", "still" if index == 2 else "pan left")
        for label, name in (("Tuned", "t"), ("Plain", "u"), (REBUILT, "r"))
        for index in range(3)
    ]
    asked = Animation(form="animation", title="A", runs={"Tuned": "t*", "Plain": "u*"}, rebuilt="r*")
    shown = animation(asked, Material(runs=runs))
    kept = {row["run"]: (row["keeps"], row["moves"]) for row in shown.rows}
    assert kept["t0"] == (True, True), "24.2 dB where the model keeps 25"
    assert kept["t1"] == (False, False)
    assert kept["t2"] == (True, None), "asked to stand still"
    assert kept["u0"][1] is False
    tuned, plain, rebuilt = shown.tables[0].blocks[0].rows
    assert [round(cell.mean, 2) for cell in (tuned.cells[1], tuned.cells[4])] == [0.67, 0.5]
    assert [cell.n for cell in (tuned.cells[1], tuned.cells[4])] == [3, 2]
    assert plain.cells[4].mean == 0
    assert rebuilt.cells[0].mean == 30
    assert [block.title for block in shown.tables[0].blocks] == ["", "Camera: pan left", "Camera: still"]


# Named subjects


def test_a_subject_is_right_where_all_of_it_is(monkeypatch):
    read = {
        "n0": {"kind": ("car", "car"), "colour": ("red", "red")},
        "n1": {"kind": ("car", "car"), "colour": ("blue", "red")},
        "u0": {"kind": ("kite", "car"), "colour": ("red", "red")},
        "u1": {"kind": ("fish", "car"), "colour": ("blue", "red")},
    }
    monkeypatch.setattr(
        "onereel.report.comparisons.subjects.read_subjects",
        lambda samples, subjects, attributes: [read[path.stem] for path in samples],
    )
    runs = [run_of("Named" if name[0] == "n" else "Not", name, "p") for name in read]
    asked = Subjects(form="subjects", title="S", runs={"Named": "n*", "Not": "u*"})
    shown = subjects(asked, Material(runs=runs))
    named, other = shown.tables[0].blocks[0].rows
    assert [cell.mean for cell in named.cells] == [100, 50, 50]
    assert [cell.mean for cell in other.cells] == [0, 50, 0]
    assert [cell.best for cell in named.cells] == [True, False, True]


# Descriptions


def test_a_comparison_becomes_a_page(tmp_path):
    asked = BestOf(form="best_of", title="Which <one>", editors={"A": ("a",), "B": ("b",)})
    material = Material({"a": scores(judged("time-0")), "b": scores(judged("time-0", success=False))})
    write_comparison(asked, material, tmp_path / "page")
    names = {path.name for path in (tmp_path / "page").iterdir() if path.is_file()}
    tables = {f"{name}.{suffix}" for name in ("best", "success") for suffix in ("csv", "md", "tex", "html")}
    assert names == {*tables, "index.html", "values.csv", "best.png", "best.svg"}
    page = (tmp_path / "page/index.html").read_text(encoding="utf-8")
    assert "Which &lt;one&gt;" in page
    assert "Background: most often the best is A (100 %)." in page
    (row,) = csv.DictReader((tmp_path / "page/values.csv").open())
    assert row == {"edit": "time-0", "kind": "time", "A": "1.0", "B": "0.0", "None": "0.0"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("form: best\ntitle: x\neditors: {A: [a]}\n", "form"),
        ("form: best_of\ntitle: x\neditors: {A: [a]}\neditrs: 1\n", "editrs"),
        ("form: sweep\ntitle: x\npanels: []\n", "panels"),
    ],
)
def test_a_description_that_is_wrong_is_refused(tmp_path, text, problem):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_comparison(tmp_path / "x.yaml")


def test_rows_that_are_not_there_are_refused():
    asked = BestOf(form="best_of", title="x", editors={"A": ("mixd",)})
    with pytest.raises(ConfigError, match=r"comparison 'one': no row 'mixd' on known edits; did you mean 'mixed'"):
        check_comparison("one", asked, ["mixed"], [])
    pictures = Animation(form="animation", title="x", runs={"A": "moved-*"}, rebuilt="rebuilt-*")
    with pytest.raises(ConfigError, match=r"no run is called 'rebuilt-\*' \(rebuilt\)"):
        check_comparison("one", pictures, [], ["moved-0"])


# What ships


def test_the_edits_of_table_1_are_as_many_as_the_paper_has_of_each_type():
    sets = read_edits_sheet(FOLDER / "edits.tsv", EditSet())
    names = [name for known in sets.values() for name in known.requests]
    counts = {kind: sum(name.startswith(f"{kind}-") for name in names) for kinds in TYPES.values() for kind in kinds}
    assert len(names) == len(set(names)) == 128
    assert len({request["seed"] for known in sets.values() for request in known.requests.values()}) == 16
    assert {name: sum(counts[kind] for kind in kinds) for name, kinds in TYPES.items()} == {
        "motion": 36, "style": 16, "object": 44, "background": 32
    }  # fmt: skip
    assert min(counts.values()) >= 8


def test_what_people_chose_is_what_studies_quote():
    table = read_comparison(FOLDER / "table1.yaml")
    quoted = read_yaml(ROOT / "config/published_studies.yaml", "studies")["published"]
    values = [one["value"] for one in quoted if one["form"] == "best_of"]
    assert [value for shares in table.published.values() for value in shares.values()] == values
    for shares in table.published.values():
        assert list(shares) == [*table.editors, table.none]
        assert sum(shares.values()) == 100


def test_shipped_descriptions_name_rows_of_the_shipped_sheets_which_the_benchmark_writes():
    config = Config(**read_config([FOLDER / "config.yaml"], {}))
    sheets = runpy.run_path(str(ROOT / "benchmarks/dreamix.py"))["sheets"]()
    for name, text in sheets.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text
    rows = [line.split("\t") for line in sheets["runs.tsv"].splitlines()[2:]]
    editors = [row[0] for row in rows if row[1].startswith("edits:")]
    runs = [row[0] for row in rows if not row[1]]
    assert len(runs) == 32 * 3 + 32 * 2
    for path in config.comparisons:
        check_comparison(path, read_comparison(ROOT / path), editors, runs)
