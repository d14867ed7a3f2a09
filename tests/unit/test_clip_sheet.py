from fractions import Fraction
from pathlib import Path

import pytest

from onereel.base.errors import ConfigError
from onereel.base.names import valid_name
from onereel.ingest.request import parse_request
from onereel.project.clips import ClipRow, read_clip_sheet

HEADER = "name\tsource\tstart\tend\tfps\theight\tcaption\tlicence"


def sheet(folder: Path, *lines: str) -> Path:
    path = folder / "clips.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_come_in_the_sheets_order_with_comments_and_blank_lines_between(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        "# our clips",
        "",
        HEADER,
        "fish\t../shared/fish\t\t\t\t144\ta fish\tMIT",
        "   ",
        "# another",
        "birds\tbirds.gif\t2\t1:02.5\t30000/1001",
    )
    rows = read_clip_sheet(path)
    assert list(rows) == ["fish", "birds"]
    assert rows["fish"] == ClipRow("fish", "../shared/fish", height=144, caption="a fish", licence="MIT")
    assert rows["birds"] == ClipRow("birds", "birds.gif", start="2", end="1:02.5", fps="30000/1001")
    assert rows["birds"].options() == {
        "name": "birds",
        "start": "2",
        "end": "1:02.5",
        "fps": "30000/1001",
        "height": None,
    }


def test_columns_may_come_in_any_order_and_number(tmp_path: Path) -> None:
    rows = read_clip_sheet(sheet(tmp_path, "source\tname", "a.mp4\ta"))
    assert rows == {"a": ClipRow("a", "a.mp4")}


def test_a_spreadsheets_habits_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "clips.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "\r\nfish\tf.mp4\t\t\t\t\t\t\t\t\r\n").encode())
    assert read_clip_sheet(path) == {"fish": ClipRow("fish", "f.mp4")}


def test_numbers_as_spreadsheets_write_them(tmp_path: Path) -> None:
    row = read_clip_sheet(sheet(tmp_path, HEADER, "fish\tf.mp4\t1,5\t0:02,5\t23,976\t144.0"))["fish"]
    assert row.height == 144
    asked = parse_request(row.start, row.end, row.fps, row.height)
    assert (asked.start, asked.end, asked.fps) == (Fraction(3, 2), Fraction(5, 2), Fraction("23.976"))


def test_a_sheet_without_rows_is_empty(tmp_path: Path) -> None:
    assert read_clip_sheet(sheet(tmp_path, HEADER)) == {}


def test_a_source_may_hold_a_hash_and_a_caption_any_letters(tmp_path: Path) -> None:
    address = "https://host/a.mp4#sha256=" + "0" * 64
    rows = read_clip_sheet(sheet(tmp_path, HEADER, f"a\t{address}\t\t\t\t\tdes oiseaux, 鳥"))
    assert (rows["a"].source, rows["a"].caption) == (address, "des oiseaux, 鳥")


@pytest.mark.parametrize("name", ["a", "birds", "Fish2", "9lives", "a_b-c", "x" * 64])
def test_names_that_are_safe(name: str) -> None:
    assert valid_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "../../x", "a/b", "a\\b", "a b", "-rf", "--help", ".hidden", "..", "a.b", "_a", "vögel", "鳥", "a\n"),
        *("x" * 65, "a\tb", "a*", "{clip}", "a$b", "a'b", "CON:", "٣"),
    ],
)
def test_names_that_are_not(name: str) -> None:
    assert not valid_name(name)


@pytest.mark.parametrize("name", ["../../x", "two words", "vögel", "-rf"])
def test_a_bad_name_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    path = sheet(tmp_path, "# comment", HEADER, "fine\tf.mp4", f"{name}\tf.mp4")
    with pytest.raises(ConfigError) as caught:
        read_clip_sheet(path)
    text = str(caught.value)
    assert f"{path}, line 4" in text
    assert "\n" not in text
    assert name in text
    assert "letters" in text


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ((HEADER + "\tcapton",), 1, ("'capton'", "did you mean 'caption'?")),
        (("name\tsource\tqqqq",), 1, ("'qqqq'", "choose one of name, source,")),
        (("name source fps",), 1, ("tabs",)),
        (("name\tname\tsource",), 1, ("'name' stands twice",)),
        (("name\tfps",), 1, ("no column 'source'",)),
        ((HEADER, "\tx.mp4"), 2, ("no name",)),
        ((HEADER, "a\tx.mp4", "", "a\ty.mp4"), 4, ("'a' is already on line 2",)),
        ((HEADER, "Fish\tx.mp4", "fish\ty.mp4"), 3, ("'fish' is already on line 2",)),
        ((HEADER, "a"), 2, ("no source; fill the column 'source'",)),
        ((HEADER, "a" + "\tx" * 8), 2, ("has 9 cells, the header 8",)),
        ((HEADER, "a\tx.mp4\t-3"), 2, ("'a'", "start '-3' is negative")),
        ((HEADER, "a\tx.mp4\t5\t5"), 2, ("start (frame 5) is not before end (frame 5)",)),
        ((HEADER, "a\tx.mp4\t2.5s\t1:02.x"), 2, ("end '1:02.x'",)),
        ((HEADER, "a\tx.mp4\t\t\tfast"), 2, ("fps 'fast'",)),
        ((HEADER, "a\tx.mp4\t\t\t0"), 2, ("fps 0",)),
        ((HEADER, "a\tx.mp4\t\t\t\t0"), 2, ("height 0",)),
        ((HEADER, "a\tx.mp4\t\t\t\t14.5"), 2, ("height '14.5'",)),
        ((HEADER, "a\tx.mp4\t1,500"), 2, ("start '1,500' may be a thousand or a decimal",)),
        ((HEADER, "a\tx.mp4\t\t\t1e999999999"), 2, ("fps '1e999999999'",)),
        ((HEADER, "a\tx.mp4\t1–2"), 2, ("EN DASH", "write -")),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, words: tuple[str, ...]
) -> None:
    path = sheet(tmp_path, *lines)
    with pytest.raises(ConfigError) as caught:
        read_clip_sheet(path)
    text = str(caught.value)
    assert f"{path}, line {line}:" in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_missing_or_binary_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.tsv.*cannot be read"):
        read_clip_sheet(tmp_path / "none.tsv")
    (tmp_path / "b.tsv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff")
    with pytest.raises(ConfigError, match="is no text"):
        read_clip_sheet(tmp_path / "b.tsv")
