"""The run sheet: what it means, and what is said of one that means nothing."""

from pathlib import Path

import pytest

from onereel.base.errors import ConfigError
from onereel.base.parsing import parse_pairs, parse_settings
from onereel.project.runs import read_run_sheet

CLIPS = ("fish", "birds")


def sheet(folder: Path, *lines: str) -> Path:
    path = folder / "runs.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_star_and_list_give_one_run_per_clip(tmp_path):
    path = sheet(
        tmp_path, "# comment", "run\tclip\tmethod\tsamples\tseed", "a\t*\tvgpnn\t3\t7", "", "b\tfish,birds\tvgpnn"
    )
    runs = read_run_sheet(path, CLIPS)
    assert list(runs) == ["fish-a", "birds-a", "fish-b", "birds-b"]
    assert runs["birds-a"].clip == "birds"
    assert runs["birds-a"].seeds == ("7", "8", "9")


def test_star_leaves_out_clips_that_are_only_inputs(tmp_path):
    lines = ["run\tclip\tmethod\ttask\tinputs", "a\t*\tvgpnn", "s\tfish\tvgpnn\tsketch\tsketch=clip:birds"]
    assert list(read_run_sheet(sheet(tmp_path, *lines), CLIPS)) == ["fish-a", "s"]
    lines.append("b\tbirds\tvgpnn")
    assert list(read_run_sheet(sheet(tmp_path, *lines), CLIPS)) == ["fish-a", "birds-a", "s", "b"]


def test_keep_is_a_way_to_align(tmp_path):
    path = sheet(tmp_path, "run\tclip\tmethod\tsource\talign", "a\tfish\texternal:X\tsomewhere\tkeep")
    assert read_run_sheet(path, CLIPS)["a"].align == "keep"


def test_one_clip_keeps_the_name_and_settings_are_typed(tmp_path):
    path = sheet(
        tmp_path, "run\tclip\tmethod\tsettings\tinputs", "a\tfish\tvgpnn\talpha=0.01; vote=mean\tstyle=clip:birds"
    )
    run = read_run_sheet(path, CLIPS)["a"]
    assert run.settings == {"alpha": 0.01, "vote": "mean"}
    assert run.inputs == {"style": "clip:birds"}
    assert not run.external


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["run\tclip\tmethood", "a\tfish\tvgpnn"], "line 1: unknown column 'methood'; did you mean 'method'?"),
        (["run\tclip", "a\tfish"], "no column 'method'"),
        (["run\tcl\u200bip\tmethod", "a\tfish\tvgpnn"], "line 1: holds an invisible character (ZERO WIDTH SPACE"),
        (["run\tclip\tmethod", "a\tfsh\tvgpnn"], "line 2: no clip 'fsh'; did you mean 'fish'?"),
        (["run\tclip\tmethod", "../x\tfish\tvgpnn"], "run name '../x'"),
        (["run\tclip\tmethod", "-x\tfish\tvgpnn"], "run name '-x'"),
        (["run\tclip\tmethod", "a\tfish\tvgpnn", "a\tbirds\tvgpnn"], "line 3: run 'a' exists already"),
        (["run\tclip\tmethod\tsamples", "a\tfish\tvgpnn\t0"], "samples is '0'; use a whole number >= 1"),
        (["run\tclip\tmethod\tseed", "a\tfish\tvgpnn\tone"], "seed is 'one'"),
        (["run\tclip\tmethod\tseed", "a\tfish\tvgpnn\t9223372036854775808"], "use a whole number <= 92233720368547758"),
        (
            ["run\tclip\tmethod\tsamples", "a\tfish\tvgpnn\t1000000"],
            "samples is '1000000'; use a whole number <= 1000",
        ),
        (["run\tclip\tmethod", "a\tfish\tvgpn"], "line 2: unknown method 'vgpn'; did you mean 'vgpnn'?"),
        (["run\tclip\tmethod", "02. Jan\tfish\tvgpnn"], "run name '02. Jan' is not usable in a path"),
        (["run\tclip\tmethod", "a\u2011b\tfish\tvgpnn"], "holds '\u2011' (NON-BREAKING HYPHEN, U+2011); write -"),
        (["run\tclip\tmethod\ttask", "a\tfish\tvgpnn\tgenerat"], "unknown task 'generat'; did you mean 'generate'?"),
        (["run\tclip\tmethod\talign", "a\tfish\tvgpnn\tstretch"], "unknown align 'stretch'"),
        (["run\tclip\tmethod", "a\tfish\texternal:gan"], "only an external run has a source"),
        (["run\tclip\tmethod\tsource", "a\tfish\tvgpnn\tthere"], "only an external run has a source"),
        (["run\tclip\tmethod\tsettings", "a\tfish\tvgpnn\talpha"], "'alpha' is not key=value"),
        (["run\tclip\tmethod", "a\tfish\tvgpnn\textra"], "has 4 cells, the header 3"),
        (["run\tclip\tmethod", "a\t\tvgpnn"], "no clip; fill the column"),
        ([""], "is empty"),
    ],
)
def test_bad_sheets_are_named_in_one_line(tmp_path, lines, message):
    with pytest.raises(ConfigError) as error:
        read_run_sheet(sheet(tmp_path, *lines), CLIPS)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_sheet(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_run_sheet(tmp_path / "none.tsv", CLIPS)


def test_settings_keep_yaml_types():
    assert parse_settings("a=1;b=1.5;c=true;d=[3, 7];e=null;f=x") == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": [3, 7],
        "e": None,
        "f": "x",
    }
    with pytest.raises(ConfigError, match="not a YAML value"):
        parse_settings("a=[1")
    with pytest.raises(ConfigError, match="'a' stands twice"):
        parse_pairs("a=1;a=2", "here")
