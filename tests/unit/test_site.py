"""The documentation site: a page for whatever has to have one, tables as the code is, links that lead somewhere."""

import json
import re
import sys
from pathlib import Path

import pytest

from onereel.methods import Task, configure, load_method, method_names
from onereel.metrics import NAMES
from onereel.metrics.registry import REGISTRY
from onereel.project.runs import read_run_sheet
from tests.documents import ROOT, blocks

DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))  # where docs/conf.py finds it

from onereel_site import facts, tables  # noqa: E402
from onereel_site.docstrings import as_napoleon_reads  # noqa: E402
from onereel_site.links import broken  # noqa: E402
from onereel_site.saved import figures, films, values  # noqa: E402

METHODS = [name for name in method_names() if not load_method(name).calibration]
NOTEBOOKS = sorted(DOCS.glob("*.ipynb"))


def pages(folder: str) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / folder).glob("*.md")}


def test_every_method_has_a_page_with_its_tables():
    found = pages("methods")
    assert set(found) - {"index"} == set(METHODS), "docs/methods: one page a method, and none besides"
    for name in METHODS:
        for directive in ("onereel-method", "onereel-settings"):
            assert f"```{{{directive}}} {name}\n```" in found[name], f"docs/methods/{name}.md"


def test_every_metric_has_a_page_with_its_examples():
    found = pages("metrics")
    assert set(found) - {"index"} == set(NAMES), "docs/metrics: one page a metric, and none besides"
    for name in NAMES:
        of_pictures = REGISTRY[name].most_frames == 1
        for directive in ("onereel-metric", *["onereel-damages"] * (not of_pictures)):
            assert f"```{{{directive}}} {name}\n```" in found[name], f"docs/metrics/{name}.md"


def test_every_page_is_reached_from_the_first():
    listed = set(re.findall(r"^([\w./-]+)$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    here = {path.stem for path in (*DOCS.glob("*.md"), *DOCS.glob("*.ipynb"))} - {"index"}
    assert here <= listed, "name them in docs/index.md"


def leaves(values: dict, before: str = "") -> dict[str, object]:
    """Settings with dots of a dumped config."""
    found = {}
    for key, value in values.items():
        found |= leaves(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return found


@pytest.mark.parametrize("name", METHODS)
def test_settings_are_those_of_the_code(name):
    method = load_method(name)
    shown = {setting.name: setting for setting in facts.settings_of(method)}
    for preset in facts.presets_of(method):
        real = leaves(configure(method, preset).model_dump(mode="json"))
        unread = {key for key in real if not method.Config.read_by.get(key.split(".")[0], method.tasks) & method.tasks}
        assert {key: setting.values[preset] for key, setting in shown.items()} == {
            key: value for key, value in real.items() if key not in unread
        }
    text = tables.settings_tables(name)
    for key, setting in shown.items():
        assert f"| `{key}` |" in text
        assert setting.meaning, f"{name}: say what {key} means"


def test_settings_say_what_they_take_and_who_reads_them():
    shown = {setting.name: setting for setting in facts.settings_of(load_method("vgpnn"))}
    assert shown["noise"].allowed == "position or voxel"
    assert shown["em_iterations"].allowed == ">= 1, <= 1000"
    assert shown["cue"].tasks == {Task.INPAINT}
    assert shown["vote"].tasks is None
    (line,) = [line for line in tables.settings_tables("vgpnn").splitlines() if line.startswith("| `search.sweeps`")]
    assert "`20`<br>fast: `4`" in line
    sinfusion = {setting.name: setting.trained for setting in facts.settings_of(load_method("sinfusion"))}
    assert sinfusion["crop"]
    assert not sinfusion["frames"]


def test_tables_name_what_a_task_reads():
    text = tables.method_facts("vgpnn")
    assert (
        "| `inpaint` | the clip with a hole filled in | the clip; `boxes=FILE` or `mask=clip:NAME` or `mask=FILE` |"
        in text
    )
    assert "a prompt" in tables.method_facts("text_to_video")
    assert "[Text to video](methods/text_to_video.md): `edit_text`" in tables.methods_for([])
    assert "vgpnn" not in tables.methods_for([])


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="sub/one.html#here">good</a><a href="sub/">good</a><a href="https://elsewhere/">not asked</a>'
        '<a href="sub/one.html#gone">bad</a><a href="none.html">bad</a><img src="none.png">'
        '<script src="https://elsewhere/x.js"></script><img src="data:image/png;base64,AA=="><a href="#top">bad</a>'
    )
    (tmp_path / "sub/one.html").write_text('<p id="here"><a href="../index.html">good</a>')
    (tmp_path / "sub/index.html").write_text("")
    assert broken(tmp_path) == [
        "index.html: #top",
        "index.html: fetches https://elsewhere/x.js",
        "index.html: none.html",
        "index.html: none.png",
        "index.html: sub/one.html#gone",
    ]


def test_words_before_a_colon_are_paragraphs():
    lines = ["What it is.", "Returns: a clip.", "Args:", "    name: of it."]
    as_napoleon_reads(None, "function", "f", None, None, lines)
    assert lines == ["What it is.", "", "**Returns:** a clip.", "Args:", "    name: of it."]


def test_errors_of_the_questions_are_said_by_the_code():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    outside = {"onereel: command not found", "LockException"}
    for heading in re.findall(r"^### (.*`.*)$", (DOCS / "faq.md").read_text(encoding="utf-8"), re.MULTILINE):
        for error in set(re.findall(r"`([^`]+)`", heading)) - outside:
            for piece in filter(None, (part.strip("(),; ") for part in error.split("…"))):
                assert piece in code, f"docs/faq.md: no error says '{piece}'"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_were_run_from_top_to_bottom(notebook):
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not any(out["output_type"] == "error" for cell in cells for out in cell["outputs"])


def test_examples_of_metrics_are_all_there():
    found = values()
    assert set(films()) >= set(found)
    for name in NAMES:
        assert all(row[name] for row in found.values()), f"run docs/results-notebook.ipynb again: no {name}"
    wanted = re.findall(r"\{onereel-figure\} (\S+)", (DOCS / "results-in-short.md").read_text(encoding="utf-8"))
    assert wanted
    assert set(wanted) <= set(figures())


def test_rows_of_the_wishes_are_sheets(tmp_path):
    rows = list(blocks(DOCS / "wishes.md", "tsv"))
    assert len(rows) > 10
    for text in rows:
        sheet = tmp_path / "runs.tsv"
        sheet.write_text(text, encoding="utf-8")
        for run in read_run_sheet(sheet, ("birds", "water")).values():
            configure(load_method(run.method), run.preset, run.settings, task=run.task)


def test_pictures_are_there():
    for page in [*DOCS.glob("*.md"), *DOCS.glob("m*/*.md")]:
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / picture).is_file(), f"{page}: {picture}"
    used = "".join(Path(page).read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    assert [path.name for path in (DOCS / "pictures").iterdir() if path.name not in used] == []
