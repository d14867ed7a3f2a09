"""What the report's tools are made of: training times, commands, pairs, ties, meanings, papers, one file."""

import base64
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from onereel.base.errors import ConfigError
from onereel.base.files import sha256_of, write_json, write_text
from onereel.cli import generate as generating
from onereel.cli.app import app
from onereel.methods import Task, load_method, method_names
from onereel.project.runs import RunRow
from onereel.report.load.project import MetricRecord, Project, RunEntry, SampleEntry, load_project
from onereel.report.load.training import TrainedPart, load_training, training_seconds
from onereel.report.page.commands import sample_command
from onereel.report.page.meanings import meanings
from onereel.report.page.pack import pack
from onereel.report.page.papers import papers, to_bibtex
from onereel.report.page.write import write_report
from onereel.report.tables.build import values_of, write_table
from onereel.report.tables.model import Cell, Column, Row, marked_best
from onereel.report.tables.numerals import duration
from onereel.report.tables.paired import paired, to_csv
from tests.unit.test_report_project import CLIPS, NASTY, RUNS, build_project

TABLES = Path(__file__).resolve().parents[2] / "config" / "tables"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with pictures and its report, one method of which was trained for two hours and a bit."""
    folder = tmp_path_factory.mktemp("project")
    build_project(folder, visuals=True)
    write_json(folder / "results/models/balloons/trained/demo/generator.json", {"seconds": 7300.0, "seed": 5})
    project = load(folder)
    write_table(project, TABLES / "comparison.yaml", folder / "results/tables/comparison")
    stems = {"comparison": folder / "results/tables/comparison"}
    write_report(project, folder / "report", tables=stems, visuals=folder / "results/visuals")
    return folder


def load(root: Path) -> Project:
    return load_project(root, runs=RUNS, clips=CLIPS)


def run_of(project: Project, name: str) -> RunEntry:
    return next(run for run in project.runs if run.name == name)


def test_training_counts_what_the_samples_were_drawn_from(tmp_path: Path) -> None:
    for variant, seconds in (("fast", 60.0), ("paper", 7200.0)):
        stem = tmp_path / variant / "generator"
        write_text(stem.with_suffix(".safetensors"), variant)
        write_json(stem.with_suffix(".json"), {"seconds": seconds, "machine": "M", "device": "cpu", "seed": 3})
    write_json(tmp_path / "paper/critic.json", {"seconds": 1.0})  # no sample was drawn from it
    record = {"weights": {"generator": sha256_of(tmp_path / "paper/generator.safetensors")}}
    parts = load_training([tmp_path], [record])
    assert parts == (TrainedPart("generator", 7200.0, "M", 3),)
    assert training_seconds(parts, [record]) == 7200.0
    assert training_seconds(parts, [{"weights": {**record["weights"], "lost": "0" * 64}}]) is None
    assert training_seconds((), [{"weights": {}}]) == 0


def test_time_to_the_first_sample_is_that_of_training_and_of_drawing(root: Path) -> None:
    project = load(root)
    trained, patches = run_of(project, "balloons-trained"), run_of(project, "balloons-patches")
    assert values_of([trained], "training") == {"balloons": [7300.0]}
    assert values_of([trained], "first_sample") == {"balloons": [7540.0, 7541.0]}
    assert values_of([patches], "first_sample") == values_of([patches], "runtime")
    assert values_of([run_of(project, "balloons-other")], "training") == {}  # nobody knows
    page = (root / "report/index.html").read_text(encoding="utf-8")
    assert "trained 2.03 h" in page
    assert "2.03 h, seed 5" in page


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.3, "0.300 s"), (41, "41.0 s"), (1180, "19.7 min"), (7300, "2.03 h"), (658980, "7.63 d")]
)
def test_times_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def _asked_by(command: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """What `onereel generate` asks for when it is given the command."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(generating, "generate_samples", lambda source, out, **rest: asked.update(rest, source=source))
    words = shlex.split(command)
    assert words[0] == "onereel"
    done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return asked


def test_a_command_asks_for_the_sample_that_it_stands_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from onereel.base.parsing import parse_pairs, parse_settings

    settings = {"alpha": 1e-05, "output_scale": [1, 1, 1.5], "start": "picture", "wide": True, "none": None}
    row = RunRow(
        "r", "birds", "vgpnn", task=Task.SKETCH, preset="paper", samples=4, seed=7, settings=settings, prompt=NASTY,
        inputs={"style": "clip:balloons", "boxes": "my boxes/b.tsv"},
    )  # fmt: skip
    sample = SampleEntry("9", Path("9.mkv"), None, (1, 2, 3), "12", 1.0, None, {"device": "cpu"})
    run = RunEntry(row, "VGPNN", samples=(sample,), training=(TrainedPart("generator", 1.0, seed=5),))
    asked = _asked_by(sample_command(run, sample), monkeypatch)
    assert (asked["source"], asked["method"], asked["task"], asked["preset"]) == (
        "data/clips/birds.mkv", "vgpnn", "sketch", "paper",
    )  # fmt: skip
    assert (asked["seed"], asked["samples"], asked["training_seed"], asked["device"]) == (9, 1, 5, "cpu")
    assert asked["prompt"] == NASTY
    assert parse_settings(";".join(asked["settings"])) == settings
    assert parse_pairs(";".join(asked["inputs"]), "") == {
        "style": "clip:data/clips/balloons.mkv",
        "boxes": "my boxes/b.tsv",
    }


def test_every_sample_of_the_page_has_its_command(root: Path) -> None:
    page = (root / "report/index.html").read_text(encoding="utf-8")
    assert page.count('data-command="onereel generate') == 3 + 3 + 2 + 6
    assert page.count('data-command="onereel evaluate') == 3
    assert "onereel generate data/clips/balloons.mkv --method trained" in page


def _values(run: str, clip: str, method: str, *values: float, metric: str = "svfid") -> RunEntry:
    better = "lower" if metric == "svfid" else "higher"
    records = tuple(MetricRecord(metric, metric, str(i), value, better=better) for i, value in enumerate(values))
    return RunEntry(RunRow(run, clip, method, preset="fast"), method, records=records)


def test_pairs_compare_on_the_clips_that_both_have() -> None:
    # On all its clips the first has the higher mean, since it alone has the hard one; where both are, it is lower.
    runs = [
        _values("a1", "easy", "first", 1.0, 3.0),
        _values("a2", "middle", "first", 4.0),
        _values("a3", "hard", "first", 90.0),
        _values("b1", "easy", "second", 3.0),
        _values("b2", "middle", "second", 7.0),
    ]
    (pair,) = paired(Project((), tuple(runs)))
    assert (pair.first, pair.second, pair.clips, pair.mean) == ("first", "second", 2, -2.0)
    assert (pair.low, pair.high) == (-3.0, -1.0)
    assert (pair.wins, pair.losses) == (2, 0)
    assert pair.apart
    assert "generate,first,second,svfid" in to_csv([pair])
    turned = paired(Project((), tuple(reversed(runs))))[0]
    assert (turned.mean, turned.wins, turned.losses) == (2.0, 0, 2)


def test_pairs_are_of_one_protocol_and_have_bounds() -> None:
    first, second = _values("a", "clip", "first", 1.0), _values("b", "clip", "second", 2.0)
    other = replace(second, records=tuple(replace(record, protocol="other") for record in second.records))
    assert paired(Project((), (first, other))) == ()
    endless = _values("c", "clip", "third", float("inf"))
    assert [(pair.first, pair.second) for pair in paired(Project((), (first, second, endless)))] == [
        ("first", "second")
    ]
    equal = paired(Project((), (endless, replace(endless, title="fourth"))))
    assert [(pair.mean, pair.wins, pair.losses) for pair in equal] == [(0.0, 0, 0)]


def test_demonstrations_are_in_no_pair() -> None:
    first, second = _values("a", "clip", "first", 1.0), _values("b", "clip", "second", 2.0)
    assert len(paired(Project((), (first, second)))) == 1
    shown = replace(second, row=replace(second.row, preset="demo"))
    assert paired(Project((), (first, shown))) == ()


def _row(label: str, mean: float) -> Row:
    return Row(label, (Cell(mean, None, None, 1, 1, True, "p"),), (None,))


@pytest.mark.parametrize(
    ("means", "bold"), [((0.5, 0.7, 0.9), [True, False, False]), ((0.50001, 0.50002, 0.9), [False] * 3)]
)
def test_what_prints_alike_is_a_tie_and_not_bold(means: tuple[float, ...], bold: list[bool]) -> None:
    column = Column("m", "m", "M", "", "lower", stand_in=False, ours=True, published=False)
    rows = marked_best([_row(str(mean), mean) for mean in means], [column])
    assert [row.cells[0].best for row in rows if row.cells[0]] == bold


def test_a_number_says_what_it_means_and_what_it_is_of_spoilt_inputs(root: Path) -> None:
    found = {item.name: item for item in meanings(load(root))}
    assert {"svfid", "psnr", "diversity", "training", "runtime"} <= set(found)
    svfid = found["svfid"]
    assert svfid.title.startswith("SVFID")
    assert any("lower is better" in point for point in svfid.points)
    known = dict(svfid.known)
    assert known["Input against itself"] == 0 < known["Frames shuffled"] < known["Noise added"]
    assert known["Noise added"] == pytest.approx(0.094 * 1.1)  # over both clips
    assert "<code>completeness</code>" in " ".join(found["coherence"].points)


def test_every_paper_can_be_cited() -> None:
    runs = [RunEntry(RunRow(name, "c", name), name) for name in method_names()]
    measured = [MetricRecord(name, f"{name} (stand-in)", "0", 1.0) for name in ("svfid", "nnfdiv", "ssim")]
    found = papers(Project((), (replace(runs[0], records=tuple(measured)), *runs[1:])))
    users = {user for paper in found for user in paper.used}
    for name in method_names():
        method = load_method(name)
        assert method.calibration or not method.paper or method.title in users, name
    assert {"svfid", "nnfdiv", "ssim"} <= users
    assert len({paper.key for paper in found}) == len(found)
    for paper in found:
        assert paper.bibtex.count("{") == paper.bibtex.count("}"), paper.key
        assert re.match(rf"@\w+\{{{re.escape(paper.key)},\n  title = ", paper.bibtex)
        assert "keywords" not in paper.bibtex
    assert to_bibtex(found).count("\n@") == len(found)


def test_bibtex_files_hold_nothing_that_is_not_read() -> None:
    source = Path(generating.__file__).parents[1]
    files = [*source.glob("methods/*/papers.bib"), source / "metrics/papers.bib"]
    assert len(files) > 5
    for path in files:
        text = path.read_text(encoding="utf-8")
        starts = re.findall(r"^@\w+\{(\S+),$", text, re.MULTILINE)
        assert len(starts) == text.count("@") == len(re.findall(r"^\}$", text, re.MULTILINE)), path
        assert all("author = {" in entry for entry in text.split("@")[1:]), path


def test_one_file_holds_the_report(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert pack(root / "report", out) == out.stat().st_size
    text = out.read_text(encoding="utf-8")
    held = dict(re.findall(r'data-file="([^"]+)" data-type="[^"]+">([^<]*)<', text))
    sheet = "media/runs/balloons-patches/0/frames-0.jpg"
    assert base64.b64decode(held[sheet]) == (root / "report" / sheet).read_bytes()
    assert "media/clips/birds/birds.mp4" in held
    assert "tables/clip-birds.csv" in held
    assert not any(name.endswith(".mkv") for name in held)
    shown = text[: text.index("data-file=")]
    assert not re.findall(r'<(?:img|script|link|video)\b[^>]* (?:src|href)="(?!data:)[^"]*"', shown)
    for target in re.findall(r'<a\b[^>]* href="([^"#][^"]*)"', shown):
        assert target in held, target
    assert text.count("</script>") == text.count("<script")


def test_one_file_replaces_itself_and_nothing_else(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    out.write_text("<p>my page</p>", encoding="utf-8")
    with pytest.raises(ConfigError, match="no packed report"):
        pack(root / "report", out)
    assert out.read_text(encoding="utf-8") == "<p>my page</p>"
    pack(root / "report", out, overwrite=True)
    pack(root / "report", out)
    with pytest.raises(ConfigError, match="no folder of a report"):
        pack(tmp_path, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()
