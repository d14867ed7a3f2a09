"""`onereel evaluate --source … --edits …` and `--sheet …`: the table, the files, and what is said of bad input."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from onereel.base.errors import ConfigError
from onereel.cli.app import app
from onereel.metrics.measures import MEASURES, Edit, measure_edits
from onereel.report.tables.formats import to_markdown
from onereel.report.tables.measures import _left_out, measures_table, outputs_table, read_published
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.metric_clips import frozen, noisy
from tests.unit.test_measures import SOURCE, context, shifting

FAST = "frame_consistency_consecutive,text_alignment,background_psnr"


def run(*words) -> None:
    app([str(word) for word in words], standalone_mode=False)


@pytest.fixture
def folder(tmp_path):
    for name, frames in (("source", SOURCE), ("edits/good", noisy(SOURCE, 4)), ("edits/poor", noisy(SOURCE, 50))):
        clips.write(tmp_path / f"{name}.mkv", Clip(frames))
    mask = np.zeros(SOURCE.shape, np.uint8)
    mask[:, :, :10] = 255
    clips.write(tmp_path / "mask.mkv", Clip(mask))
    return tmp_path


def test_edits_of_one_source_get_a_row_and_a_line_each(folder, capsys):
    about = ("--prompt", "a red kite", "--mask", folder / "mask.mkv", "--metrics", FAST)
    run("evaluate", "--source", folder / "source.mkv", "--edits", folder / "edits", *about, "--out", folder / "m.json")
    said = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): line for line in said.splitlines() if line.startswith("|")}
    assert "the masks let 16 % of the pixels change (white)" in said
    assert re.search(r"\*\*3\d\.\d.*\*\*", rows["good"]), "the better PSNR is bold"
    lines = list(csv.DictReader((folder / "m.csv").open()))
    assert {(line["edit"], line["metric"]) for line in lines} == {
        (edit, metric) for edit in ("good", "poor") for metric in FAST.split(",")
    }
    psnr = {line["edit"]: float(line["value"]) for line in lines if line["metric"] == "background_psnr"}
    assert psnr["good"] > psnr["poor"] > 10
    (editor,) = json.loads((folder / "m.json").read_text())["editors"].values()
    assert len(editor["records"]) == 6
    assert (folder / "m-table.md").read_text() == said[said.index("**Measures") :].rstrip("\n") + "\n"


@pytest.mark.parametrize(("whole", "editors"), [(1, {"edits": 1}), (2, {"edits": 2}), (3, {"edits": 2, "others": 1})])
def test_edits_that_are_measured_when_somebody_interrupts_are_kept(folder, monkeypatch, capsys, whole, editors):
    """Interrupted after so many edits of two editors, two each, in the middle of the next one."""
    (folder / "others").mkdir()
    for name in ("good", "poor"):
        (folder / f"others/{name}.mkv").write_bytes((folder / f"edits/{name}.mkv").read_bytes())
    (folder / "edits.csv").write_text("name,prompt,source\ngood,a kite,source.mkv\npoor,a kite,source.mkv\n")
    measure, calls = MEASURES["text_alignment"], []

    def stopping(edit, context):
        calls.append(edit.name)
        if len(calls) > whole:
            raise KeyboardInterrupt
        return type(measure).measure(measure, edit, context)

    monkeypatch.setattr(measure, "measure", stopping, raising=False)
    sheet = ("--sheet", folder / "edits.csv", "--edits", folder / "edits", "--edits", folder / "others")
    run("evaluate", *sheet, "--metrics", FAST, "--out", folder / "m.json")  # ends with code 130
    kept = json.loads((folder / "m.json").read_text())
    assert kept["interrupted"]
    measured = {name: len({one["edit"] for one in found["records"]}) for name, found in kept["editors"].items()}
    assert measured == editors
    assert all(len(found["records"]) == 3 * editors[name] for name, found in kept["editors"].items())
    assert f"what was measured is in {folder / 'm.json'}" in capsys.readouterr().out


def test_a_sheet_makes_a_row_an_editor_and_says_what_is_missing(folder, capsys):
    (folder / "edits.csv").write_text(
        "name,kind,prompt,source,benchmark\n"
        "good,style,a kite,source.mkv,loveu\npoor,object,a kite,source.mkv,loveu\nlost,object,a kite,source.mkv,loveu\n"
    )
    clips.write(folder / "theirs/poor.mkv", Clip(noisy(SOURCE, 9)))
    words = ("--edits", folder / "edits", "--edits", folder / "theirs", "--metrics", FAST, "--out", folder / "m.json")
    run("evaluate", "--sheet", folder / "edits.csv", *words)
    said = capsys.readouterr().out
    assert "edits: lost is not measured: no output" in said
    assert "theirs: background_psnr is not defined for all edits: needs a mask" in said
    assert "| theirs (2 of 3 missing) |" in said
    assert "*0.94†*" in said, "TokenFlow's published frame consistency"
    assert "Frame consistency (all pairs), published" in said
    lines = list(csv.DictReader((folder / "m.csv").open()))
    lost = [line for line in lines if line["edit"] == "lost"]
    assert [(line["value"], line["note"]) for line in lost] == [("", "no output")] * 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--edits", "edits"), "needs --source or --sheet"),
        (("--edits", "edits", "--source", "source.mkv", "--align", "keep"), "no such way"),
        (("--edits", "edits", "--edits", "edits", "--source", "source.mkv"), "several editors need a --sheet"),
        (("--edits", "edits", "--source", "source.mkv", "--metrics", "pickscore"), "did you mean 'pickscore_v1'"),
        (("--edits", "edits", "--source", "source.mkv", "--metrics", "pickscore_v1"), "fetch pickscore-v1"),
        (("--edits", "edits", "--source", "source.mkv", "--extractor", "raft-world"), "is no ROLE=NAME"),
        (("--edits", "edits", "--sheet", "s.csv", "--prompt", "a kite"), "is said in the sheet"),
        (("--edits", "edits", "--samples", "edits"), "samples and edits at once"),
        (("--samples", "edits"), "needs --reference with --samples"),
        (("--edits", "nowhere", "--source", "source.mkv"), "no such file or folder"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(folder, monkeypatch, words, told):
    monkeypatch.chdir(folder)
    (folder / "s.csv").write_text("name,source\na,source.mkv\n")
    with pytest.raises(Exception, match=re.escape(told)) as caught:
        run("evaluate", *words, "--out", "m.json")
    assert type(caught.value).__module__ == "onereel.base.errors"
    assert not (folder / "m.json").exists()


def test_measures_that_lack_the_same_weights_share_a_line():
    (judge, preference) = _left_out(
        {"five_yes_no": "fetch q", "pickscore_v1": "fetch p", "five_acc_both_orders": "fetch q"}
    )
    assert judge == "FiVE-YN (yes or no), FiVE-Acc (both orders) are left out: fetch q."
    assert preference == "PickScore (v1) is left out: fetch p."


def test_stills_are_shown_and_never_bold():
    edits = [
        Edit("moves", SOURCE, noisy(shifting([(2, 1)] * 5), 3)),
        Edit("noisy", SOURCE, noisy(shifting([(2, 1)] * 5), 20)),
        Edit("frozen", SOURCE, frozen(SOURCE)),
    ]
    names = ["frame_consistency_consecutive", "warp_error_own_flow", "dynamic_degree"]
    found = measure_edits(edits, context=context(), measures=names)
    table = outputs_table(found)
    cells = {row.label: row.cells[1] for row in table.blocks[0].rows}
    assert cells["frozen"].mean == pytest.approx(0, abs=1e-9)
    assert [label for label, cell in cells.items() if cell.best] == ["moves"]
    assert table.blocks[0].rows[-1].label == "frozen"
    assert table.blocks[0].rows[-1].marks == ("s",)
    editors = {
        name: measure_edits([edit], context=context(), measures=names) for name, edit in zip("abc", edits, strict=True)
    }
    rows = {row.label: row for row in measures_table(editors).blocks[0].rows}
    assert rows["c"].marks == ("s",)
    assert not any(cell and cell.best for cell in rows["c"].cells)
    assert rows["a"].cells[1].best


def test_means_are_over_kinds_and_a_mean_over_fewer_edits_is_never_the_best():
    kinds = ["one", "one", "one", "two"]
    sources = [noisy(SOURCE, sigma) for sigma in (1, 1, 1, 60)]
    edits = [
        Edit(str(i), SOURCE, output, kind=kind) for i, (output, kind) in enumerate(zip(sources, kinds, strict=True))
    ]
    names = ["frame_consistency_consecutive"]
    whole = measure_edits(edits, context=context(), measures=names)
    (value,) = (row.cells[0].mean for row in measures_table({"all": whole}).blocks[0].rows)
    each = list(whole.values(names[0]).values())
    assert value == pytest.approx((np.mean(each[:3]) + each[3]) / 2)
    part = measure_edits(edits[:1], context=context(), measures=names, missing={"1": "no output"})
    bold = [row.label for row in measures_table({"all": whole, "part": part}).blocks[0].rows if row.cells[0].best]
    assert bold != ["part"]


def test_published_values_name_measures_of_ours_or_have_titles(tmp_path):
    published = read_published()
    for values in (published.v2vbench, published.loveu):
        named = {name for row in values.rows.values() for name in row}
        assert named <= MEASURES.keys() | published.further.keys()
    quoted = to_markdown(measures_table({}, benchmark="v2vbench"))
    for number in ("5.001", "0.934", "0.917", "0.527", "27.513", "20.701", "0.254", "5.599"):
        assert f"*{number}*" in quoted
    (tmp_path / "measures.yaml").write_text("lovu: 3\n")
    with pytest.raises(ConfigError, match=r"loveu|v2vbench"):
        read_published(tmp_path / "measures.yaml")


def test_pictures_are_measured_by_what_needs_no_motion(tmp_path):
    for name, picture in (("photo", SOURCE[0]), ("edited", noisy(SOURCE[:1], 9)[0])):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    words = ("--reference", tmp_path / "photo.png", "--samples", tmp_path / "edited.png", "--metrics", "psnr")
    run("evaluate", *words, "--out", tmp_path / "pictures.json")
    assert 20 < json.loads((tmp_path / "pictures.json").read_text())["summary"]["psnr"]["mean"] < 35
