"""Tables: what stands in which cell, and that all four formats say the same and survive hostile text."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from onereel.base.errors import ConfigError
from onereel.metrics.aggregate import over_clips
from onereel.project.tables import read_spec
from onereel.report.load.project import Project, load_project
from onereel.report.tables.build import build_table, clip_table, write_table
from onereel.report.tables.formats import latex, to_csv, to_html, to_latex, to_markdown
from onereel.report.tables.model import Cell, Row, Table
from onereel.report.tables.numerals import numeral
from tests.unit.test_report_project import CLIPS, METHODS, RUNS, build_project

TABLES = Path(__file__).resolve().parents[2] / "config" / "tables"

SPEC = {
    "title": "A table",
    "caption": "What it shows.",
    "source": "Somebody 2020",
    "columns": [
        {"metric": "svfid"},
        {"metric": "diversity"},
        {"metric": "psnr"},
        {"metric": "preferred", "title": "Preferred", "unit": "%", "published_only": True},
        {"metric": "runtime"},
        {"metric": "absent"},
    ],
    "groups": [
        {
            "rows": [
                {
                    "method": "patches",
                    "title": "Ours",
                    "published": {"svfid": 0.0123, "preferred": {"value": 67.84, "spread": 1.77}},
                },
                {"method": "never_run", "title": "Quoted", "published": {"svfid": {"value": 0.5, "second_hand": True}}},
            ]
        }
    ],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    build_project(folder)
    return folder


@pytest.fixture(scope="module")
def project(root: Path) -> Project:
    return load_project(root, runs=RUNS, clips=CLIPS)


def make(project: Project, tmp_path: Path, **changes) -> Table:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}), encoding="utf-8")
    return build_table(project, read_spec(path))


def row_of(table: Table, label: str) -> Row:
    return next(row for block in table.blocks for row in block.rows if row.label == label)


def cell_of(table: Table, label: str, metric: str) -> Cell | None:
    index = [column.metric for column in table.columns].index(metric)
    return row_of(table, label).cells[index]


def test_a_cell_is_the_mean_over_samples_then_clips_with_its_interval(project: Project, tmp_path: Path) -> None:
    cell = cell_of(make(project, tmp_path), "Ours", "svfid")
    values = {
        run.row.clip: [record.value for record in run.records if record.metric == "svfid"]
        for run in project.runs
        if run.row.method == "patches"
    }
    assert set(values) == set(CLIPS)
    interval = over_clips(values)
    assert (cell.mean, cell.low, cell.high) == (interval.mean, interval.low, interval.high)
    assert (cell.n, cell.clips, cell.complete) == (6, 2, True)
    assert cell.low < cell.mean < cell.high


def test_columns_without_any_value_are_left_out(project: Project, tmp_path: Path) -> None:
    metrics = [column.metric for column in make(project, tmp_path).columns]
    assert metrics == ["svfid", "diversity", "psnr", "preferred", "runtime"]


def test_published_values_have_their_own_column_and_never_fill_a_cell(project: Project, tmp_path: Path) -> None:
    table = make(project, tmp_path)
    quoted = row_of(table, "Quoted")
    assert all(cell is None for cell in quoted.cells)
    assert (quoted.published[0].value, quoted.published[0].second_hand) == (0.5, True)
    assert row_of(table, "Ours").published[0].value == 0.0123
    assert cell_of(table, "Ours", "svfid").mean != 0.0123
    assert ("†", "Published by others than the method's authors.") in table.notes


def test_calibration_has_a_block_of_its_own_and_is_never_best(project: Project, tmp_path: Path) -> None:
    table = make(project, tmp_path)
    assert [block.kind for block in table.blocks] == ["methods", "calibration"]
    labels = [row.label for row in table.blocks[1].rows]
    assert labels == ["Input against itself", "Frames shuffled", "Noise added"]
    assert cell_of(table, "Input against itself", "svfid").mean == 0
    assert not any(cell.best for row in table.blocks[1].rows for cell in row.cells if cell)


def test_best_is_marked_among_rows_over_the_same_clips_only(project: Project, tmp_path: Path) -> None:
    # On both clips together only one method finished: nothing to compare, though the external run's SVFID is lower.
    together = make(project, tmp_path)
    assert not any(cell.best for block in together.blocks for row in block.rows for cell in row.cells if cell)
    only = make(project, tmp_path, groups=[{"clips": ["balloons"]}])
    best = {row.label for row in only.blocks[0].rows if row.cells[0] and row.cells[0].best}
    assert best == {"other_code (external)"}
    index = [column.metric for column in only.columns].index("diversity")
    assert [row.label for row in only.blocks[0].rows if row.cells[index].best] == ["other_code (external)"]
    assert cell_of(only, "patches", "runtime").best


def test_the_demo_preset_is_named_in_every_format_and_never_best(project: Project, tmp_path: Path) -> None:
    """Also where its values are better than all others, and where the table's description names the row itself."""
    shown = [
        replace(run, row=replace(run.row, preset="demo")) if run.row.method == "patches" else run
        for run in project.runs
    ]
    runs = tuple(
        replace(run, title="patches, demo preset", records=tuple(replace(record, value=1e-9) for record in run.records))
        if run.demo
        else run
        for run in shown
    )
    groups = [{"clips": ["balloons"], "rows": [{"method": "patches", "title": "Mine"}]}]
    table = make(replace(project, runs=runs), tmp_path, groups=groups)
    row = row_of(table, "Mine, demo preset")
    assert (row.preset, row.demo) == ("demo", True)
    assert not any(cell.best for cell in row.cells if cell)
    lowest = min(row.cells[0].mean for row in table.blocks[0].rows if row.cells[0])
    assert row.cells[0].mean == lowest
    for render in (to_csv, to_markdown, to_latex, to_html):
        assert "Mine, demo preset" in render(table)
    (line,) = [line for line in csv.DictReader(io.StringIO(to_csv(table))) if line["row"] == "Mine, demo preset"]
    assert line["preset"] == "demo"
    assert any("none is best" in text for _, text in table.notes)
    assert not any("none is best" in text for _, text in make(project, tmp_path).notes)


def test_clips_that_no_run_is_on_are_not_missed(project: Project, tmp_path: Path) -> None:
    """A drawing or a picture that only guides runs stands in the clip sheet, too."""
    drawing = replace(project.clips[0], name="drawing")
    table = make(replace(project, clips=(*project.clips, drawing)), tmp_path)
    assert table == make(project, tmp_path)


def test_clips_that_only_runs_of_other_tasks_are_on_are_not_missed(project: Project, tmp_path: Path) -> None:
    """A project generates from some clips and edits another one: rows over all that are generated from compare."""
    edited = replace(project.clips[0], name="edited")
    run = project.runs[0]
    edit = replace(run, row=replace(run.row, run="edited-patches", clip="edited", task="retarget"))
    table = make(replace(project, clips=(*project.clips, edited), runs=(*project.runs, edit)), tmp_path)
    assert table == make(project, tmp_path)


def test_values_of_another_protocol_are_not_compared(project: Project, tmp_path: Path) -> None:
    changed = tuple(
        replace(run, records=tuple(replace(record, protocol="other") for record in run.records))
        if run.row.method == "trained"
        else run
        for run in project.runs
    )
    table = make(replace(project, runs=changed), tmp_path, groups=[{"clips": ["balloons"]}])
    assert not any(row.cells[0].best for row in table.blocks[0].rows)
    assert any("different protocols" in text for _, text in table.notes)


def test_real_and_stand_in_weights_are_two_columns(project: Project, tmp_path: Path) -> None:
    changed = tuple(
        replace(run, records=tuple(replace(r, column=r.metric.upper(), stand_in=False) for r in run.records))
        if run.row.method == "trained"
        else run
        for run in project.runs
    )
    table = make(replace(project, runs=changed), tmp_path)
    columns = [(column.title, column.stand_in) for column in table.columns if column.metric == "svfid"]
    assert columns == [("SVFID (random C3D)", True), ("SVFID", False)]
    assert row_of(table, "trained").cells[0] is None
    assert row_of(table, "trained").cells[1] is not None
    assert row_of(table, "Ours").cells[1] is None


def test_a_failed_run_says_why_and_a_missing_one_that_it_did_not_finish(project: Project, tmp_path: Path) -> None:
    birds = make(project, tmp_path, groups=[{"clips": ["birds"]}])
    failed = row_of(birds, "trained")
    assert failed.failure.startswith("MemoryError")
    assert all(cell is None for cell in failed.cells)
    both = row_of(make(project, tmp_path), "trained")
    assert (both.failure, both.partly) == ("", "failed on birds")
    nowhere = load_project(tmp_path, runs=METHODS[:1], clips=CLIPS)
    assert clip_table(nowhere, "balloons").blocks[0].rows[0].failure == "did not finish"


def test_alignment_is_a_footnote_of_the_row(project: Project, tmp_path: Path) -> None:
    table = make(project, tmp_path)
    notes = dict(table.notes)
    marks = row_of(table, "other_code (external)").marks
    assert any("cut to its first 7 frames" in notes[mark] for mark in marks)
    assert any("Only on balloons" in notes[mark] for mark in marks)


def test_what_could_not_be_measured_is_a_footnote_with_its_reason(project: Project, tmp_path: Path) -> None:
    reason, metric = "a side needs 19 pixels; use a larger clip", SPEC["columns"][0]["metric"]
    runs = tuple(
        replace(
            run, records=tuple(record for record in run.records if record.metric != metric), left_out={metric: reason}
        )
        if run.external
        else run
        for run in project.runs
    )
    table = make(replace(project, runs=runs), tmp_path)
    row, notes = row_of(table, "other_code (external)"), dict(table.notes)
    assert cell_of(table, "other_code (external)", metric) is None
    title = next(column.title for column in table.columns if column.metric == metric)
    assert f"Not measured on balloons: {title} ({reason})." in [notes[mark] for mark in row.marks]


def test_groups_take_clips_by_name_and_source(project: Project, tmp_path: Path) -> None:
    groups = [
        {"title": "First", "clips": ["scene:bal*"]},
        {"title": "Rest", "besides": ["balloons"], "published_on": "other clips", "rows": SPEC["groups"][0]["rows"]},
    ]
    table = make(project, tmp_path, groups=groups)
    assert [block.title for block in table.blocks][:2] == ["First", "Rest"]
    assert {row.label for row in table.blocks[0].rows} == {"patches", "trained", "other_code (external)"}
    assert {row.label for row in table.blocks[1].rows} == {"Ours", "Quoted", "trained"}
    assert dict(table.notes)[table.blocks[1].mark] == "Published values: other clips."


def test_other_tasks_are_left_out(project: Project, tmp_path: Path) -> None:
    assert not make(project, tmp_path, tasks=["retarget"], groups=[{}]).blocks


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"titel": "x"}, "did you mean 'title'?"),
        ({"columns": [{"metrik": "svfid"}]}, "did you mean 'metric'?"),
        ({"columns": [{"metric": "svfid", "better": "more"}]}, "columns.0.better"),
        ({"groups": [{"rows": [{"method": "patches", "published": {"svfid": "low"}}]}]}, "published.svfid"),
    ],
)
def test_a_bad_description_is_named(project: Project, tmp_path: Path, change: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        make(project, tmp_path, **change)


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_projects_own_tables_are_written(project: Project, tmp_path: Path, path: Path) -> None:
    write_table(project, path, tmp_path / "with.dots")
    assert {item.name for item in tmp_path.iterdir()} == {f"with.dots.{kind}" for kind in ("csv", "md", "tex", "html")}


def test_published_values_stand_beside_the_plain_row_and_not_its_variants(project: Project, tmp_path: Path) -> None:
    varied = tuple(
        replace(
            run, title="Ours, beta = 2", row=replace(run.row, run=f"{run.name}-beta", settings={"alpha": 1, "beta": 2})
        )
        for run in project.runs
        if run.row.method == "patches"
    )
    table = make(replace(project, runs=varied + project.runs), tmp_path)
    plain = next(run.title for run in project.runs if run.row.method == "patches")
    assert row_of(table, plain).published[0].value == 0.0123
    assert set(row_of(table, "Ours, beta = 2").published) == {None}


def test_published_numbers_are_the_papers() -> None:
    spec = read_spec(TABLES / "vgpnn_table1.yaml")
    printed = {
        (group.title, row.method): {key: item.value for key, item in row.published.items()}
        for group in spec.groups
        for row in group.rows
    }
    assert printed == {
        ("Videos", "hp_vae_gan"): {"svfid": 0.0081, "diversity": 0.4049, "preferred": 32.16, "first_sample": 658980},
        ("Videos", "vgpnn"): {"svfid": 0.0072, "diversity": 0.4482, "preferred": 67.84, "first_sample": 18},
        ("GIFs", "singan_gif"): {"svfid": 0.0119, "diversity": 0.8593, "preferred": 49.42},
        ("GIFs", "vgpnn"): {"svfid": 0.0058, "diversity": 0.5955, "preferred": 50.57, "first_sample": 10},
    }


def test_csv_reads_back_as_numbers_without_rounding(project: Project, tmp_path: Path) -> None:
    table = make(project, tmp_path)
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    ours = next(row for row in rows if row["row"] == "Ours")
    assert float(ours["SVFID (random C3D) *"]) == cell_of(table, "Ours", "svfid").mean
    assert float(ours["SVFID (random C3D) * published"]) == 0.0123
    assert {row["kind"] for row in rows} == {"method", "external", "calibration"}
    trained = next(row for row in rows if row["row"] == "trained")
    assert "MemoryError" in trained["notes"]


def test_csv_holds_no_formula(project: Project, tmp_path: Path) -> None:
    runs = tuple(replace(run, title="=1+1") if run.row.method == "patches" else run for run in project.runs)
    text = to_csv(make(replace(project, runs=runs), tmp_path, groups=[{}]))
    assert ",'=1+1," in text


def test_markdown_is_one_rectangular_table(project: Project, tmp_path: Path) -> None:
    for groups in (SPEC["groups"], [{"clips": ["birds"]}]):
        lines = to_markdown(make(project, tmp_path, groups=groups)).splitlines()
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
        assert len(widths) == 1
    only = to_markdown(make(project, tmp_path, groups=[{"clips": ["balloons"]}]))
    assert "**0.0066** [" in only
    assert "(n=3)" in only
    assert "SVFID (random C3D)\\*" in only


class _Cells(HTMLParser):
    """Counts cells by row and collects text and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan") or 1)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_rectangular_and_escaped(project: Project, tmp_path: Path) -> None:
    for groups in (SPEC["groups"], [{"clips": ["birds"]}]):
        page = _Cells()
        page.feed(to_html(make(project, tmp_path, groups=groups)))
        assert len(set(page.rows)) == 1
        assert "script" not in page.tags
        assert "<script>alert(1)</script>" in page.text  # as text


def test_latex_escapes_and_balances(project: Project, tmp_path: Path) -> None:
    text = to_latex(make(project, tmp_path, groups=[{"clips": ["birds"]}]))
    bare = re.sub(r"\\[\\{}$&%#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert r"50 \% of\_it" in text
    assert latex("a_b & 100% \\ {x} ~ ^ 中 é ∞") == (
        r"a\_b \& 100\% \textbackslash{} \{x\} \textasciitilde{} \textasciicircum{} [U+4E2D] é $\infty$"
    )


def test_a_wide_latex_table_continues_below(project: Project, tmp_path: Path) -> None:
    wide = clip_table(project, "balloons")
    text = to_latex(replace(wide, columns=wide.columns * 2, blocks=_doubled(wide)))
    assert text.count(r"\toprule") == 3


def _doubled(table: Table) -> tuple:
    return tuple(
        replace(
            block,
            rows=tuple(replace(row, cells=row.cells * 2, published=row.published * 2) for row in block.rows),
        )
        for block in table.blocks
    )


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_latex_compiles_with_two_packages(project: Project, tmp_path: Path) -> None:
    write_table(project, TABLES / "comparison.yaml", tmp_path / "one")
    write_table(project, TABLES / "vgpnn_table1.yaml", tmp_path / "two")
    document = (
        r"\documentclass{article}\usepackage[a4paper,margin=2cm]{geometry}\usepackage{booktabs,xcolor}"
        r"\begin{document}\input{one.tex}\input{two.tex}\end{document}"
    )
    (tmp_path / "t.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=100, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.0072, 0.00651, 0.00804), ("0.0072", "0.0065", "0.0080", 0)),
        ((7.07e-4, 6.5e-4, 7.9e-4), ("7.07", "6.50", "7.90", -4)),
        ((18.153, 17, 19.25), ("18.2", "17.0", "19.2", 0)),
        ((658980.0, None, None), ("658980", "", "", 0)),
        ((0.0, 0.0, 0.0), ("0", "0", "0", 0)),
        ((0.0, 0.0, 0.5), ("0", "0", "0.500", 0)),
        ((-0.25, -0.5, 0.0), ("-0.250", "-0.500", "0", 0)),
        ((3.2e7, None, None), ("3.20", "", "", 7)),
        ((float("inf"), None, None), ("∞", "", "", 0)),
    ],
)
def test_numerals(values: tuple, text: tuple) -> None:
    number = numeral(*values)
    assert (number.mean, number.low, number.high, number.exponent) == text


def without_clip(project: Project, run: str) -> Project:
    """The project with a copy of a run that has no clip, and only the metric that needs none."""
    done = next(item for item in project.runs if item.name == run)
    records = tuple(record for record in done.records if record.metric == "diversity")
    free = replace(done, row=replace(done.row, run="free", clip=""), title="Free", records=records)
    return replace(project, runs=(*project.runs, free))


def test_a_run_without_a_clip_has_empty_cells_and_changes_no_other_row(project: Project, tmp_path: Path) -> None:
    before, after = make(project, tmp_path), make(without_clip(project, "balloons-patches"), tmp_path)
    assert cell_of(after, "Free", "svfid") is None
    assert cell_of(after, "Free", "diversity") is not None
    marks = row_of(after, "Free").marks
    assert [text for mark, text in after.notes if mark in marks] == [
        "Made without a clip: not compared with rows over clips."
    ]
    others = [row for block in after.blocks for row in block.rows if row.label != "Free"]
    assert [row.cells for row in others] == [row.cells for block in before.blocks for row in block.rows]
    assert [
        row.label for block in clip_table(without_clip(project, "balloons-patches"), "").blocks for row in block.rows
    ] == ["Free"]
