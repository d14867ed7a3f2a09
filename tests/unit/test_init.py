"""A project of one's own: what `onereel init` writes is read by the same parsers and asks for one's own clips."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from onereel.base.errors import ConfigError, OnereelError
from onereel.base.parsing import Layout
from onereel.cli.init import start_project
from onereel.project import clips, edits, heldout, plan, runs, studies
from onereel.project.config import Config, project_config, read_config
from onereel.project.sheets import SHEETS, guide, sheet

from .ingest_media import encode, ramp

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = {
    "clips.tsv": clips.LAYOUT,
    "runs.tsv": runs.LAYOUT,
    "heldout.tsv": heldout.LAYOUT,
    "edits.tsv": edits.LAYOUT,
    "studies.tsv": studies.LAYOUT,
}


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """What a clone has, and a video of somebody's beside it."""
    root = tmp_path / "onereel"
    (root / "config").mkdir(parents=True)
    for name in ("methods", "tables", "demo", "boxes"):
        (root / "config" / name).symlink_to(ROOT / "config" / name)
    shutil.copy(ROOT / "config/edits.yaml", root / "config/edits.yaml")
    (root / "Snakefile").touch()
    encode(root / "my holiday.mp4", ramp())
    monkeypatch.chdir(root)
    return root


def start(*sources: str, **asked) -> list[str]:
    said: list[str] = []
    defaults = dict.fromkeys(("preset", "start", "end", "fps", "height"))
    options = {"methods": ["vgpnn"], "samples": 3, "folder": Path(), **defaults, **asked}
    start_project(sources or ["my holiday.mp4"], say=said.append, **options)
    return said


def planned(root: Path) -> plan.Plan:
    values = read_config(project_config(root), {})
    names = ("clips", "runs", "heldout", "edits", "tables")
    found = plan.read(root, **{name: values[name] for name in names}, metrics=values["metrics"])
    found.check_sources()
    return found


def test_a_project_has_ones_own_clip_alone(repository):
    said = start()
    made = planned(repository)
    assert {name: row.source for name, row in made.clips.items()} == {"my-holiday": "my holiday.mp4"}
    (run,) = made.runs.values()
    assert (run.run, run.method, run.preset, run.samples) == ("my-holiday-vgpnn", "vgpnn", "fast", 3)
    assert not made.heldout
    assert not made.editor_rows
    assert any("snakemake" in line for line in said)


def test_every_row_that_waits_in_a_comment_is_a_right_one(repository):
    (repository / "their_outputs").mkdir()
    encode(repository / "their_outputs/0.mp4", ramp())
    start(methods=["vgpnn", "hp_vae_gan"])
    for name in LAYOUTS:
        path = repository / "config" / name
        head, _, rest = path.read_text().partition("# Remove the #")
        path.write_text(head + re.sub("(?m)^# ?", "", rest.partition("\n")[2]))
    made = planned(repository)
    assert {"my-holiday-wide", "my-holiday-theirs", "my-holiday-sinfusion"} <= set(made.runs)
    assert len(made.heldout) == 2


def test_a_long_and_large_video_is_cut_unless_somebody_says_how(repository):
    frames = ramp(70, 160, 40)
    encode(repository / "long.mp4", frames, rate=10)
    (line,) = [line for line in start("long.mp4") if line.startswith("long.mp4")]
    row = planned(repository).clips["long"]
    assert (row.start, row.end, row.height) == (None, "4s", 144)
    assert "40x160" in line
    for name in ("config.yaml", *LAYOUTS):
        (repository / "config" / name).unlink()
    start("long.mp4", methods=["sinfusion"], start="1s", end="2s")
    row = planned(repository).clips["long"]
    assert (row.start, row.end, row.height) == ("1s", "2s", 72)


def test_sources_from_anywhere_get_names_of_their_own(repository, tmp_path):
    encode(tmp_path / "birds.mp4", ramp())
    start("../birds.mp4", "scene:birds?seed=1", "https://host/Birds.mov?x=1")
    rows = planned(repository).clips
    assert [row.source for row in rows.values()] == [
        str(tmp_path / "birds.mp4"),
        "scene:birds?seed=1",
        "https://host/Birds.mov?x=1",
    ]
    assert len({name.lower() for name in rows}) == 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sources": ("none.mp4",)}, "none.mp4"),
        ({"methods": ["vgpn"]}, "did you mean 'vgpnn'"),
        ({"preset": "fats"}, "no such preset"),
        ({"start": "tomorrow"}, "tomorrow"),
        ({"folder": Path("..")}, "no Snakefile"),
    ],
)
def test_a_mistake_writes_nothing(repository, asked, message):
    asked = dict(asked)
    with pytest.raises(OnereelError, match=message):
        start(*asked.pop("sources", ()), **asked)
    assert not list((repository / "config").glob("*.tsv"))
    assert not (repository / "config/config.yaml").exists()


def test_a_project_that_is_there_is_left_alone(repository):
    start()
    before = (repository / "config/clips.tsv").read_text()
    with pytest.raises(ConfigError, match="this folder has a project"):
        start()
    (repository / "config/config.yaml").unlink()
    with pytest.raises(ConfigError, match=r"clips.tsv'.*this folder has a project"):
        start()
    assert (repository / "config/clips.tsv").read_text() == before


def test_the_demo_counts_only_while_there_is_no_project(repository):
    assert project_config(repository) == [repository / "config/demo/config.yaml"]
    (repository / "config/runs.tsv").touch()
    assert project_config(repository) == []
    start_over = repository / "config/config.yaml"
    start_over.touch()
    assert project_config(repository) == [start_over]


def test_every_column_and_key_is_told_as_the_parsers_know_it():
    known = [
        value
        for module in (clips, runs, heldout, edits, studies)
        for value in vars(module).values()
        if isinstance(value, Layout)
    ]
    assert len(known) == len(SHEETS), "a sheet that config/README.md does not tell of"
    for name, layout in LAYOUTS.items():
        told = sheet(name)
        assert tuple(told.columns) == tuple(layout.columns)
        assert tuple(told.required) == tuple(layout.required)
        assert set(told.defaults) <= set(layout.columns) - set(layout.required)
        for example in told.examples:
            assert set(layout.required) <= set(example) <= set(layout.columns)
    demo = yaml.safe_load((ROOT / "config/demo/config.yaml").read_text())
    assert set(demo) == set(Config.model_fields), "where the demo says nothing, a project of one's own would"


def test_the_page_is_what_the_code_says():
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    assert text == guide(), "python -m onereel.project.sheets > config/README.md"
