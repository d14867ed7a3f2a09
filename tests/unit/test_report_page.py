"""The report's folder: complete, self-contained, escaped, replaced in one step; trade-offs, charts, printed figures."""

import math
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from onereel.base.errors import ConfigError
from onereel.base.files import read_json, write_json
from onereel.methods import Task
from onereel.report.load.project import Project, load_project
from onereel.report.page.charts import chart, training_curves
from onereel.report.page.figures import write_figures
from onereel.report.page.head import head
from onereel.report.page.tradeoffs import axis_scale, look, tradeoffs
from onereel.report.page.visuals import visualise_guides
from onereel.report.page.write import write_report
from onereel.report.partial import write_partial_report
from onereel.report.tables.build import write_table
from onereel.video.clip import Clip
from tests.unit.test_report_project import CLIPS, FAILED_RUN, NASTY, RUNS, build_project, moving_picture

TABLES = Path(__file__).resolve().parents[2] / "config" / "tables"


class _Page(HTMLParser):
    """Every reference, id, script and visible text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.inline_scripts = 0
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.references += [values[name] for name in ("href", "src") if values.get(name)]
        self.ids += [values["id"]] if values.get("id") else []
        self.inline_scripts += tag == "script" and not values.get("src")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    project = build_project(folder, visuals=True)
    stems = {name: folder / "results/tables" / name for name in ("vgpnn_table1", "comparison")}
    for name, stem in stems.items():
        write_table(project, TABLES / f"{name}.yaml", stem)
    write_report(project, folder / "results/report", tables=stems, visuals=folder / "results/visuals")
    return folder


@pytest.fixture(scope="module")
def project(root: Path) -> Project:
    return load_project(root, runs=RUNS, clips=CLIPS)


@pytest.fixture(scope="module")
def page(root: Path) -> _Page:
    return _Page(root / "results/report/index.html")


def test_every_reference_stays_in_the_folder_and_exists(root: Path, page: _Page) -> None:
    report = root / "results/report"
    for reference in page.references:
        if reference.startswith("#"):
            assert unquote(reference[1:]) in page.ids, reference
            continue
        assert not re.match(r"[a-z]+:|/|\.\.", reference), reference
        assert (report / unquote(reference)).is_file(), reference
    for asset in (report / "assets").iterdir():
        assert not re.search(r"https?://(?!www\.w3\.org)", asset.read_text(encoding="utf-8")), asset.name


def test_ids_are_unique(page: _Page) -> None:
    assert len(page.ids) == len(set(page.ids))


def test_user_text_is_text(page: _Page) -> None:
    assert page.inline_scripts == 0
    assert NASTY in page.text


def test_the_folder_holds_every_video_and_table(root: Path) -> None:
    report = root / "results/report"
    assert len(list(report.glob("media/runs/*/*/*.mkv"))) == len(list(root.glob("results/samples/*/*.mkv")))
    assert len(list(report.glob("media/clips/*/*.mp4"))) == len(CLIPS)
    tables = ("comparison", "vgpnn_table1", *(f"clip-{clip}" for clip in CLIPS))
    assert {path.name for path in (report / "tables").iterdir()} == {
        "paired.csv",
        *(f"{name}.{kind}" for name in tables for kind in ("csv", "tex", "md")),
    }
    original = root / "results/samples/balloons-patches/0.mkv"
    assert (report / "media/runs/balloons-patches/0/0.mkv").read_bytes() == original.read_bytes()


def test_the_head_counts_and_warns(project: Project, page: _Page) -> None:
    facts = head(project)
    assert (facts.clips, facts.methods, facts.samples) == (2, 3, 11)
    assert (facts.runs, facts.unfinished) == (11, 1)
    assert facts.stand_ins == ("SVFID (random C3D)",)
    assert facts.date == "2026-01-02T03:02:00+00:00"
    assert "2 clips, 3 methods, 11 samples" in page.text
    assert "Stand-in weights" in page.text
    assert "1 of 11 runs failed" in page.text


def test_real_weights_do_not_warn(project: Project, tmp_path: Path) -> None:
    runs = tuple(
        replace(run, records=tuple(replace(record, stand_in=False) for record in run.records)) for run in project.runs
    )
    write_report(replace(project, runs=runs), tmp_path / "r", tables={}, visuals=tmp_path)
    text = _Page(tmp_path / "r/index.html").text
    assert "Stand-in" not in text
    assert "Published weights" in text


def test_the_comparison_comes_first(root: Path) -> None:
    html = (root / "results/report/index.html").read_text(encoding="utf-8")
    assert html.index('id="table-comparison"') < html.index('id="table-vgpnn_table1"')


def test_every_run_is_there_with_its_settings_and_its_log(page: _Page) -> None:
    assert {f"run-{row.run}" for row in RUNS} <= set(page.ids)
    assert "alpha = 0.1" in page.text
    assert f"12:00:09 ERROR {NASTY}" in page.text


def test_what_samples_start_from_plays_beside_them(tmp_path: Path) -> None:
    build_project(tmp_path, visuals=True)
    picture = Clip(moving_picture()[:1], Fraction(12))
    visualise_guides({"picture": picture}, tmp_path / "results/visuals/runs/balloons-patches/guides")
    record = tmp_path / "results/samples/balloons-patches/0.json"
    write_json(record, {**read_json(record), "effects": {"gradient at the seam": 1.25}})
    inpainting = [replace(run, task=Task.INPAINT) if run.method == "patches" else run for run in RUNS]
    project = load_project(tmp_path, runs=inpainting, clips=CLIPS)
    write_report(project, tmp_path / "report", tables={}, visuals=tmp_path / "results/visuals")
    page = _Page(tmp_path / "report/index.html")
    html = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    (heading,) = re.findall(r"<h4[^>]*>((?:(?!</h4>).)*?)<a [^>]*#run-balloons-patches", html)
    assert heading.count("inpaint") == 1, "what it was asked for, once"
    assert page.ids.index("player-balloons-patches-guides-0") < page.ids.index("player-balloons-patches-0")
    assert (tmp_path / "report/media/runs/balloons-patches/guides/0/frames-0.jpg").is_file()
    assert "from: picture" in page.text
    assert "gradient at the seam 1.25" in page.text


def test_a_failed_write_leaves_the_old_report_and_nothing_else(project: Project, tmp_path: Path) -> None:
    write_report(project, tmp_path / "r", tables={}, visuals=tmp_path)
    before = (tmp_path / "r/index.html").read_bytes()
    with pytest.raises(FileNotFoundError):
        write_report(project, tmp_path / "r", tables={"gone": tmp_path / "gone"}, visuals=tmp_path)
    assert (tmp_path / "r/index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    write_report(replace(project, runs=()), tmp_path / "r", tables={}, visuals=tmp_path)
    assert not (tmp_path / "r/media/runs").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_file_that_somebody_left_in_the_report_is_not_lost(project: Project, tmp_path: Path) -> None:
    write_report(project, tmp_path / "r", tables={}, visuals=tmp_path)
    (tmp_path / "r/report.zip").write_text("to send", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"report\.zip.*move it away"):
        write_report(project, tmp_path / "r", tables={}, visuals=tmp_path)
    assert (tmp_path / "r/report.zip").read_text(encoding="utf-8") == "to send"


def test_pictures_that_are_damaged_are_left_out_of_the_page(root: Path, tmp_path: Path) -> None:
    visuals = tmp_path / "visuals"
    shutil.copytree(root / "results/visuals", visuals)
    (visuals / "clips/balloons/index.json").write_text('{"size": 3}', encoding="utf-8")
    (visuals / "runs/balloons-patches/0/strip.jpg").unlink()
    failure = root / "results/failures/other.json"
    failure.write_text('{"run": 3, "clip": {}, "reason": []}', encoding="utf-8")
    curves = root / "results/models/balloons/trained/demo/other.curves.tsv"
    curves.write_bytes(b"step\tloss\n1\t\xff\n")
    try:
        whole = load_project(root, runs=RUNS, clips=CLIPS)
        write_report(whole, tmp_path / "report", tables={}, visuals=visuals)
    finally:
        failure.unlink()
        curves.unlink()
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert 'data-folder="media/clips/birds/"' in page
    assert 'data-folder="media/clips/balloons/"' not in page
    assert 'data-folder="media/runs/balloons-patches/1/"' in page
    assert 'data-folder="media/runs/balloons-patches/0/"' not in page


def test_a_partial_report_needs_nothing(tmp_path: Path) -> None:
    tables = {"comparison": TABLES / "comparison.yaml"}
    write_partial_report(tmp_path, tmp_path / "r", runs=RUNS, clips=CLIPS, tables=tables)
    page = _Page(tmp_path / "r/index.html")
    assert "11 of 11 runs failed" in page.text
    assert "did not finish" in page.text


def test_nothing_at_all_is_a_page_too(tmp_path: Path) -> None:
    write_report(Project((), ()), tmp_path / "r", tables={}, visuals=tmp_path)
    assert "0 clips" in _Page(tmp_path / "r/index.html").text


def test_tradeoffs_have_one_point_per_finished_run(project: Project) -> None:
    plots = {plot.name: plot for plot in tradeoffs(project)}
    assert set(plots) == {"svfid-diversity", "nnfdist-nnfdiv", "svfid-time", "seconds-voxels"}
    runs = {point.run for point in plots["svfid-diversity"].points}
    assert runs == {run.name for run in project.runs if not run.calibration} - {FAILED_RUN}
    # Nobody knows how long other people's code took.
    assert "balloons-other" not in {point.run for point in plots["seconds-voxels"].points}
    point = next(p for p in plots["seconds-voxels"].points if p.run == "balloons-patches")
    assert (point.x, point.y) == (10 * 36 * 64, 13.5)
    assert plots["svfid-diversity"].x.title == "SVFID (random C3D)"


def test_points_lie_where_their_values_say(project: Project) -> None:
    placed = chart(next(plot for plot in tradeoffs(project) if plot.name == "svfid-diversity"))
    left, top, right, bottom = placed.box
    for mark in placed.marks:
        assert left <= mark.x <= right
        assert top <= mark.y <= bottom
    by_x = sorted(placed.marks, key=lambda mark: mark.x)
    assert [m.point.x for m in by_x] == sorted(m.point.x for m in placed.marks)
    by_y = sorted(placed.marks, key=lambda mark: -mark.y)  # up the page is more
    assert [m.point.y for m in by_y] == sorted(m.point.y for m in placed.marks)
    assert all(mark.point.run in mark.text for mark in placed.marks)


def test_no_two_methods_of_a_chart_look_alike(project: Project) -> None:
    assert len({look(index, 6, 6) for index in range(36)}) == 36
    assert len({look(index, 8, 8) for index in range(64)}) == 64
    assert [look(index, 6, 6) for index in range(3)] == [(0, 0), (1, 1), (2, 2)]
    for plot in tradeoffs(project):
        placed = chart(plot)
        looks = {title: mark for mark, title in placed.legend}
        assert len(set(looks.values())) == len(looks)
        assert all(mark.look == looks[mark.point.method] for mark in placed.marks)


@pytest.mark.parametrize("values", [[0.0], [5.0], [-3.0, 2.0], [0.0066, 0.0141], [1e9, 1.1e9], [0.0, 0.0]])
def test_linear_scales_hold_their_values(values: list[float]) -> None:
    scale = axis_scale(values, log=False)
    assert all(0 <= scale(value) <= 1 for value in values)
    assert 2 <= len(scale.ticks) <= 9
    assert all(-1e-9 <= scale(tick) <= 1 + 1e-9 for tick in scale.ticks)


@pytest.mark.parametrize("values", [[3.0], [1.0, 1e9], [0.02, 0.03], [5.0, 900.0]])
def test_logarithmic_scales_hold_their_values(values: list[float]) -> None:
    scale = axis_scale(values, log=True)
    assert all(0 < scale(value) < 1 for value in values)
    assert 1 <= len(scale.ticks) <= 6
    middle = math.sqrt(scale.low * scale.high)
    assert scale(middle) == pytest.approx(0.5)


def test_training_curves_are_thinned_to_their_last_step_and_skip_nan(tmp_path: Path) -> None:
    path = tmp_path / "g.curves.tsv"
    rows = [f"{step}\t{1 / (step + 1)}\t{'nan' if step == 900 else 2}" for step in range(2000)]
    path.write_text("\n".join(["step\tloss\tother", *rows]) + "\n", encoding="utf-8")
    curves = training_curves("g", path)
    assert curves.steps == "0 – 1999"
    assert [curve.name for curve in curves.curves] == ["loss", "other"]
    assert curves.curves[0].path.count("L") < 340
    assert curves.curves[0].last == "5.00e-4"
    path.write_text("step\tloss\n0\t1\n", encoding="utf-8")
    assert training_curves("g", path) is None


def test_figures_are_printed_the_same_twice(project: Project, tmp_path: Path) -> None:
    first = write_figures(project, tmp_path / "a")
    assert {path.suffix for path in first} == {".png", ".svg"}
    assert len(first) == 8
    assert Image.open(first[0]).size == (960, 720)
    for path, again in zip(first, write_figures(project, tmp_path / "b"), strict=True):
        assert path.read_bytes() == again.read_bytes(), path.name


def test_a_run_without_a_clip_has_a_section_of_its_own(root: Path, tmp_path: Path) -> None:
    copied = tmp_path / "project"
    shutil.copytree(root, copied)
    for kind in ("results/samples", "results/visuals/runs"):
        shutil.copytree(copied / kind / "balloons-patches", copied / kind / "free")
    row = replace(RUNS[0], run="free", clip="", prompt="a boat at dawn")
    tables = {"comparison": TABLES / "comparison.yaml"}
    write_partial_report(copied, tmp_path / "out", runs=[*RUNS, row], clips=CLIPS, tables=tables)
    page = _Page(tmp_path / "out/index.html")
    assert "No clip" in page.text
    assert "“a boat at dawn”" in page.text
    assert "player-free-0" in page.ids
    assert "player-" not in page.ids
    assert "could not be read" not in page.text
    assert len(page.ids) == len(set(page.ids))
    local = [unquote(name[1:]) for name in page.references if name.startswith("#")]
    assert set(local) <= set(page.ids)
