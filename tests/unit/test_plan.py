"""What the workflow knows of its sheets: which files are inputs, and what jobs are told."""

from pathlib import Path

import pytest

from onereel.base.errors import ConfigError, OnereelError
from onereel.project import plan as plans
from onereel.project.clips import read_clip_sheet
from onereel.project.plan import Found, Plan
from onereel.project.runs import RunRow
from tests.workspace import ROOT


def test_only_what_jobs_make_is_an_input_of_a_rule(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "data/clips/a.mkv",
        "data/clips/b.mkv",
        "results/samples/run/0.mkv",
        "results/samples/other/0.mkv",
        "c.mkv",
    ):
        touch(tmp_path / name)
    plan = Plan(Path(), {"a": None}, {"run": RunRow("run", "a", "vgpnn")}, {})
    assert plan.made_here("data/clips/a.mkv") == ["data/clips/a.mkv"]
    assert plan.made_here(f"{tmp_path}/data/x/../clips/a.mkv") == []
    assert plan.made_here(f"{tmp_path}/data/../data/clips/a.mkv") == ["data/clips/a.mkv"]
    assert plan.made_here("results/samples/run") == ["results/samples/run/0.mkv"]
    for other in ("data/clips/b.mkv", "results/samples/other", "c.mkv", "none", "x" * 5000, "scene:birds?seed=1"):
        assert plan.made_here(other) == []


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_what_a_job_is_told_of_an_address_holds_no_password(tmp_path):
    sheet = tmp_path / "clips.tsv"

    def told(source: str) -> dict:
        sheet.write_text(f"name\tsource\na\t{source}\n")
        return Plan(tmp_path, read_clip_sheet(sheet), {}, {}, clip_sheet=sheet).clip_settings("a")

    secret = told("http://me:hush@host/v.mkv?id=1&token=hush")
    assert "hush" not in str(secret)
    assert "me" not in secret["source"]
    assert secret["source"] == "http://host/v.mkv?id=1&token=***"
    assert told("http://me:other@host/v.mkv?id=1&token=hush") == secret, "a password changes no frame"
    assert told("http://me:hush@host/v.mkv?id=1&token=else") != secret
    assert told("http://host/v.mkv#sha256=" + "0" * 64) != told("http://host/v.mkv#sha256=" + "1" * 64)
    assert told("http://host/v.mkv")["source"] == "http://host/v.mkv"


def test_samples_of_others_keep_their_names(tmp_path):
    for name in ("a b", "A b", "0"):
        touch(tmp_path / f"theirs [1]/{name}.mkv")
    runs = {"theirs": RunRow("theirs", "a", "external:X", source="theirs [1]/*.mkv")}
    plan = Plan(tmp_path, {}, runs, {})
    found = plan.external["theirs"]
    assert found["0"] == Found("0", str(tmp_path / "theirs [1]/0.mkv"))
    assert {item.name for item in found.values()} == {"a b", "A b", "0"}
    assert len({name.lower() for name in plan.samples("theirs")}) == 3


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("external:X\t\t\t" + "x" * 5000, "cannot be read"),
        ("external:X\t\t\tnone [1]/*.mkv", "no video there"),
        ("external:X\t\t\thttp://me:hush@host/v.mkv", "no such file"),
        ("vgpnn\tinpaint\tmask=" + "x" * 5000, "no file"),
        ("vgpnn\tinpaint\tmask=http://me:hush@host/{x}.png", "no file 'http://host/{x}.png'"),
    ],
)
def test_files_that_are_not_there_are_one_line(tmp_path, cells, problem):
    (tmp_path / "clips.tsv").write_text("name\tsource\na\tscene:birds\n")
    (tmp_path / "runs.tsv").write_text(f"run\tclip\tmethod\ttask\tinputs\tsource\none\ta\t{cells}\n")
    (tmp_path / "config").symlink_to(ROOT / "config")
    with pytest.raises(OnereelError) as caught:
        plans.read(tmp_path, clips="clips.tsv", runs="runs.tsv", tables=[], metrics=[])
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        (["none.yaml"], "no such file"),
        (["{x}.yaml"], "holds one of"),
        (["a b.yaml"], "not usable in a path"),
        (["one.yaml", "more/one.yaml"], "exists already"),
    ],
)
def test_tables_that_cannot_be_files_of_ours(tmp_path, tables, problem):
    for name in ("{x}.yaml", "a b.yaml", "one.yaml", "more/one.yaml"):
        touch(tmp_path / name)
    (tmp_path / "clips.tsv").write_text("name\tsource\na\tscene:birds\n")
    (tmp_path / "runs.tsv").write_text("run\tclip\tmethod\tpreset\nself\ta\tcalibration\titself\n")
    with pytest.raises(ConfigError, match=problem):
        plans.read(tmp_path, clips="clips.tsv", runs="runs.tsv", tables=tables, metrics=[])
