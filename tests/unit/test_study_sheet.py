"""The sheet of studies, the films that it means, and the commands on a small project."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onereel.base.errors import ConfigError
from onereel.base.files import read_json
from onereel.cli.app import app
from onereel.project import plan as plans
from onereel.project.plan import Plan
from onereel.project.studies import COLUMNS, read_studies_sheet
from onereel.report.user_study.published import read_published
from onereel.scenes.world import EditSet
from onereel.studies.design import Form
from onereel.studies.items import Subject, make_items, plain_subjects, restore_subjects
from onereel.studies.key import read_key
from onereel.video.clip import Clip, write
from tests.documents import blocks
from tests.unit.studies import design
from tests.workspace import ROOT

HEADER = "study\tform\tclips\tmethods"
RUNS = (
    "run\tclip\tmethod\ttask\tsamples\tsource\tpreset\n"
    "vgpnn\t*\tvgpnn\tgenerate\t2\t\t\n"
    "wide\tballoons\tvgpnn\tretarget\t1\t\t\n"
    "gan\tballoons\tsingan_gif\tgenerate\t2\t\t\n"
    "theirs\tedits:tiny\texternal:theirs\tedit_text\t1\ttheirs\t\n"
    "itself\tedits:tiny\tcalibration\tgenerate\t1\t\titself\n"
)
CLIPS = "name\tsource\nballoons\tscene:balloons\nwater\tscene:water\n"
EDITS = "edits\tkinds\tnumber\ntiny\tcolour,time\t2\n"


def read(tmp_path: Path, text: str):
    (tmp_path / "studies.tsv").write_text(text, encoding="utf-8")
    return read_studies_sheet(tmp_path / "studies.tsv", ("balloons", "water"), ("balloons", "water"))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """The sheets of a project with samples, in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config/methods", tmp_path / "config/methods")
    for name in ("weights.yaml", "edits.yaml", "published_studies.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config")
    for name, text in (("clips", CLIPS), ("runs", RUNS), ("edits", EDITS)):
        (tmp_path / f"config/{name}.tsv").write_text(text)
    (tmp_path / "config/config.yaml").write_text("edits: config/edits.tsv\nstudies: config/studies.tsv\n")
    for name in EditSet(kinds=("colour", "time"), number=2).requests:
        (tmp_path / "theirs").mkdir(exist_ok=True)
        if not name.startswith("time"):
            (tmp_path / f"theirs/{name}.mp4").write_bytes(b"x")
    return tmp_path


def planned(text: str) -> Plan:
    Path("config/studies.tsv").write_text(text)
    sheets = {name: f"config/{name}.tsv" for name in ("clips", "runs", "edits", "studies")}
    return plans.read(Path(), tables=[], metrics=[], **sheets)


def test_cells_of_a_study_are_read(tmp_path):
    columns = "question\tscales\titems\traters\tallow\tshow\tchecks\tseconds\tplays\texclude\tcompletion\tpost"
    cells = [
        "How good, “really”, is it?", "", "12", "30", "none, not_sure", "source,prompt", "training=2; obvious=0", "2,5",
        "2", "failed_checks=1; seconds=1.5", "C0DE", "https://example.org/in",
    ]  # fmt: skip
    found = read(tmp_path, f"{HEADER}\t{columns}\nmine\tbest_of\t*\tvgpnn,gan\t" + "\t".join(cells) + "\n")["mine"]
    design = found.design
    assert (found.clips, design.form, design.methods) == (("balloons", "water"), Form.BEST, ("vgpnn", "gan"))
    assert (design.asked, design.items, design.raters) == ("How good, “really”, is it?", 12, 30)
    assert (design.allow, design.show) == (("none", "not_sure"), ("source", "prompt"))
    assert (design.training, design.identical, design.obvious) == (2, 1, 0)
    assert (design.seconds, design.plays, design.completion) == (2.5, 2, "C0DE")
    assert (design.exclude.failed_checks, design.exclude.seconds, design.exclude.one_side) == (1, 1.5, 0.95)
    plain = read(
        tmp_path, f"{HEADER}\texclude\tscales\na\trating\twater\tvgpnn\tnone\tlook=Is it nice?; move=Does it move?\n"
    )
    assert set(plain["a"].design.exclude.model_dump().values()) == {None}
    assert plain["a"].design.rated == {"look": "Is it nice?", "move": "Does it move?"}
    assert plain["a"].simulated is None, "nobody is played"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\tpairs\twater\tvgpnn,gan", "line 2, column 'form': 'form' is 'pairs'"),
        ("a\t2afc\twatr\tvgpnn,gan", "unknown clip 'watr'; did you mean 'water'"),
        ("a\t2afc\twater\tvgpnn", "form 2afc compares methods; name two or more"),
        ("a b\t2afc\twater\tvgpnn,gan", "not usable in a path"),
        ("a\t2afc\twater\tvgpnn,gan\tunsure", "has no answer 'unsure'"),
        ("a\t2afc\twater\tvgpnn,gan\t\tfailed=1", "no such key 'exclude.failed'"),
        ("a\t2afc\twater\tvgpnn,gan\t\t\tidentcal=1", "unknown check 'identcal'; did you mean 'identical'"),
        ("a\t2afc\twater\tvgpnn,gan\t\t\t\tmany", "column 'raters': 'raters' is 'many'"),
        ("a\t2afc\twater\tvgpnn,gan\t\t\t\t\tvgpn=1", "column 'simulated': 'vgpn' is no method of the study; did you"),
        (
            "a\t2afc\twater\tvgpnn,gan\t\t\t\t\tgan=nan",
            "column 'simulated': 'gan=nan' is no METHOD=NUMBER; write gan=0.5",
        ),
        ("a\t2afc\twater\tvgpnn,gan\na\t2afc\twater\tvgpnn,gan", "line 3: study 'a' exists already"),
    ],
)
def test_mistakes_are_said_with_their_line(tmp_path, row, message):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, f"{HEADER}\tallow\texclude\tchecks\traters\tsimulated\n{row}\n")
    assert message in str(error.value)


def test_an_old_sheet_of_held_out_tests_is_known(tmp_path):
    with pytest.raises(ConfigError, match=r"holds held-out tests.*rename it to heldout.tsv"):
        read(tmp_path, "# old\nstudy\tkind\tclip\tmethod\nx\tprediction\t*\tvgpnn\n")


def test_the_projects_own_sheet_is_read():
    found = read_studies_sheet(ROOT / "config/demo/studies.tsv", ["water"], ["water"])
    assert {row.design.form for row in found.values()} >= {Form.PAIR, Form.REAL}
    assert found["demo_pairs"].simulated == {"vgpnn": 0.8, "singan_gif": 0, "sinfusion": -0.5}, "the docs' example"


def test_rows_of_the_page_are_a_sheet(tmp_path):
    (text,) = blocks(ROOT / "docs/studies.md", "tsv")
    found = read(tmp_path, text)
    assert {row.design.form for row in found.values()} == {Form.PAIR, Form.REAL, Form.RATING}
    page = (ROOT / "docs/studies.md").read_text(encoding="utf-8")
    assert {column for column in COLUMNS if f"`{column}`" not in page} <= {"study"}  # which every row begins with


def test_methods_and_runs_are_found_on_clips(project):
    plan = planned(f"{HEADER}\na\t2afc\t*\tvgpnn,gan\nb\treal_or_fake\tballoons\tinput,wide,singan_gif\n")
    balloons, water = plan.study_subjects("a")
    assert balloons.films["vgpnn"] == tuple(f"results/samples/balloons-vgpnn/{n}.mkv" for n in range(2))
    assert balloons.films["gan"] == tuple(f"results/samples/gan/{n}.mkv" for n in range(2))
    assert set(water.films) == {"vgpnn"}
    assert len([item for item in make_items(plan.studies["a"].design, [balloons, water]) if not item.role]) == 2
    (real,) = plan.study_subjects("b")
    assert real.films["input"] == ("data/clips/balloons.mkv",)
    assert real.films["wide"] == ("results/samples/wide/0.mkv",)
    assert set(plan.study_inputs("b")) == {film for films in real.films.values() for film in films}
    assert restore_subjects(plain_subjects([balloons, water])) == [balloons, water]


def test_known_edits_are_shown_with_source_and_prompt(project):
    plan = planned(f"{HEADER}\tshow\na\tbest_of\tedits:tiny\ttheirs,itself,truth\tsource,prompt\n")
    subjects = plan.study_subjects("a")
    assert [subject.kind for subject in subjects] == ["colour", "colour", "time", "time"]
    first, last = subjects[0], subjects[-1]
    assert first.films["theirs"] == (f"results/edits/films/theirs/{first.name}.mp4",)
    assert first.films["itself"] == (f"results/edits/outputs/itself/colour/{first.name}.mkv",)
    assert set(last.films) == {"itself", "truth"}, "somebody else's editor made none"
    items = make_items(plan.studies["a"].design, subjects)
    assert all(item.source == f"edit:input:{item.subject}" and item.prompt for item in items)
    assert plan.study_inputs("a") == [
        "results/edits/films/theirs", "results/edits/outputs/itself/colour", "results/edits/outputs/itself/time",
    ]  # fmt: skip
    assert plan.study_edits("a")["kinds"] == ["colour", "time"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\t2afc\t*\tvgpnn,vgpn", "unknown method or run 'vgpn'; did you mean 'vgpnn'"),
        ("a\t2afc\twater\tvgpnn,gan", "no run of 'gan' on clips water, task 'generate'"),
        ("a\t2afc\twater\tvgpnn,truth", "clips have no right answer"),
        ("a\t2afc\tedits:tniy\ttheirs,itself", "no set of known edits 'tniy'; did you mean 'tiny'"),
        ("a\t2afc\tedits:tiny\ttheirs,vgpnn", "no run of 'vgpnn' on set of edits 'tiny'"),
    ],
)
def test_what_a_study_cannot_show_is_said(project, row, message):
    plan = planned(f"{HEADER}\n{row}\n")
    with pytest.raises(ConfigError) as error:
        plan.study_subjects("a")
    assert message in str(error.value)


def test_the_commands_lead_from_samples_to_results(project):
    Path("config/studies.tsv").write_text(f"{HEADER}\tallow\traters\ntiny\t2afc\tballoons\tvgpnn,gan\tnot_sure\t12\n")
    invoke = CliRunner().invoke

    def said(*words: str) -> str:
        done = invoke(app, ["study", *words], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert "needs 210 independent votes" in said("power", "tiny")
    with pytest.raises(ConfigError, match="no clip of which two"):
        invoke(app, ["study", "build", "tiny"], catch_exceptions=False)
    for name in ("balloons-vgpnn", "gan"):
        for sample in range(2):
            frames = np.full((4, 16, 24, 3), 40 * len(name) % 255 + sample, np.uint8)
            write(project / f"results/samples/{name}/{sample}.mkv", Clip(frames, Fraction(8)))
    built = said("build", "tiny")
    page, key = Path("results/studies/pages/tiny"), Path("results/studies/keys/tiny.json")
    assert f"publish only {page}" in built
    assert "?preview=1" in said("preview", "tiny", "--print")
    before = {path: path.read_bytes() for path in [*page.rglob("*.*"), key] if path.is_file()}
    said("build", "tiny")
    assert {path: path.read_bytes() for path in [*page.rglob("*.*"), key] if path.is_file()} == before
    said("simulate", "tiny", "--raters", "12", "--worth", "gan=2", "--out", "s.csv")
    assert "12 raters with 60 answers" in said("collect", "s.csv", "--study", "tiny", "--out", "answers.csv")
    told = said("report", "answers.csv", "--study", "tiny", "--out", "found")
    assert "Simulated: 12 of 12 raters are played by a computer" in told
    assert "vgpnn over gan" in told
    assert "VGPNN over HP-VAE-GAN" in told
    assert "*67.84 ± 1.77*" in told
    results = read_json(Path("found/results.json"))
    assert results["study"] == read_key(key).id
    assert "Simulated" in Path("found/tiny-pairs.tex").read_text()
    assert "Simulated" in Path("found/results.html").read_text()
    for words, message in (
        (["collect", "s.csv", "--study", "tiny", "--out", "answers.csv"], "exists; name another"),
        (["report", "config/runs.tsv", "--study", "tiny"], "hold no rater"),
        (["report", "s.csv", "--study", "tny"], "there is no such key"),
        (["simulate", "tiny", "--worth", "gun=2", "--out", "t.csv"], "'gun' is no method.*did you mean 'gan'"),
        (["preview", "tny"], "is not built"),
        (["build", "tny"], "is not in the sheet of studies; did you mean 'tiny'"),
        (["build", "tiny", "--key", "results/studies/pages/tiny/key.json"], "would be published"),
        (["build", "tiny", "--out", "config"], "is a folder of somebody else's"),
    ):
        with pytest.raises(ConfigError, match=message):
            invoke(app, ["study", *words], catch_exceptions=False)
    # What somebody left in the folder is not deleted with it.
    (page / "answers-of-people.csv").write_text("precious")
    with pytest.raises(ConfigError, match=r"answers-of-people\.csv"):
        invoke(app, ["study", "build", "tiny"], catch_exceptions=False)
    assert (page / "answers-of-people.csv").read_text() == "precious"


def test_published_values_are_the_papers():
    found = {one.label: (one.value, one.spread) for one in read_published(ROOT / "config/published_studies.yaml")}
    assert found["VGPNN over HP-VAE-GAN"] == (67.84, 1.77)
    assert found["VGPNN over SinGAN-GIF"] == (50.57, 3.27)
    assert found["SinGAN-GIF"][0] == pytest.approx(100 * 44 / 90, abs=0.005)
    dreamix = {label: value for label, (value, _) in found.items() if ": " in label}
    assert len(dreamix) == 16, "Dreamix, Table 1: four types of edits, four answers"
    for kind in ("motion", "style", "object", "background"):
        assert 99 <= sum(value for label, value in dreamix.items() if label.startswith(kind)) <= 101


def test_a_subject_without_films_gives_no_item():
    with pytest.raises(ConfigError, match="no clip of which two"):
        make_items(design(), [Subject("a", {"vgpnn": ("f",)})])
