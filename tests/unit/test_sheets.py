"""Every kind of table as spreadsheets and editors save it: one list of habits for all of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onereel.base.errors import OnereelError
from onereel.base.parsing import parse_settings, parse_whole
from onereel.methods.singan.copies import TARGET
from onereel.project.clips import read_clip_sheet
from onereel.project.heldout import read_heldout_sheet
from onereel.project.runs import read_run_sheet
from onereel.video.boxes import read_boxes

TEXTS = {
    "clips": 'name\tsource\tcaption\nbirds\tscene:birds\tA red, round bird, the "big" one\n',
    "runs": "run\tclip\tmethod\ttask\tsettings\nwide\tbirds\tvgpnn\tgenerate\toutput_scale=[1, 1, 1.5]; alpha=2\n",
    "heldout": "test\tkind\tclip\tmethod\tkeep\npred\tprediction\tbirds\tsinfusion\t0.5\n",
    "boxes": "frame\ttop\tleft\tbottom\tright\tcolour\n0-1\t1\t1\t5\t5\t#2040a0\n",
}
READ: dict[str, tuple[Callable[[Path], Any], Any]] = {
    "clips": (
        lambda path: {name: (row.source, row.caption) for name, row in read_clip_sheet(path).items()},
        {"birds": ("scene:birds", 'A red, round bird, the "big" one')},
    ),
    "runs": (
        lambda path: {name: (row.clip, row.settings) for name, row in read_run_sheet(path, ["birds"]).items()},
        {"wide": ("birds", {"output_scale": [1, 1, 1.5], "alpha": 2})},
    ),
    "heldout": (
        lambda path: {name: row.split.keep for name, row in read_heldout_sheet(path, ["birds"], ["birds"]).items()},
        {"pred": 0.5},
    ),
    "boxes": (
        lambda path: [(box.where, box.more) for box in read_boxes(path, (4, 9, 9), optional=("colour",))],
        [((slice(0, 2), slice(1, 5), slice(1, 5)), {"colour": "#2040a0"})],
    ),
}
COMMENT = '# a comment, with "quotes\n'


def rows(text: str, change: Callable[[str], str]) -> str:
    """The text with every line changed."""
    return "".join(change(line) + "\n" for line in text.splitlines())


def excel(text: str) -> str:
    """Cells with a comma or a quote in quotes, as Excel's "Text (tab delimited)" has them."""

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if "," in cell or '"' in cell else cell

    return rows(text, lambda line: "\t".join(map(quoted, line.split("\t"))))


HABITS: dict[str, Callable[[str], str | bytes]] = {
    "plain": lambda text: text,
    "Windows' line ends": lambda text: text.replace("\n", "\r\n"),
    "an old Mac's": lambda text: text.replace("\n", "\r"),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "big-endian UTF-16": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "big-endian without one": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "Excel's quotes": excel,
    "Excel's quotes, comments too": lambda text: excel(COMMENT + text),
    "every cell in quotes": lambda text: rows(
        text, lambda line: "\t".join('"' + cell.replace('"', '""') + '"' for cell in line.split("\t"))
    ),
    "empty cells behind": lambda text: rows(text, lambda line: line + "\t\t"),
    "empty rows of cells behind": lambda text: text + "\t\t\t\n\t\n",
    "spaces around": lambda text: rows(text.replace("\t", "  \t "), lambda line: line + "  "),
    "no-break spaces around": lambda text: text.replace("\t", "\u00a0\t\u202f"),
    "invisible characters around": lambda text: text.replace("\t", "\u200b\t\ufeff"),
    "a header in capitals": lambda text: rows(text, lambda line: line.title() if "\tcl" in line else line),
    "comments and blank lines": lambda text: f"\n  {COMMENT}\n{text}\n{COMMENT}  # a\tb",
    "no newline at the end": str.rstrip,
    "U+2028 behind a cell": lambda text: rows(text, lambda line: line + "\u2028"),
    "U+0085 and a form feed in comments": lambda text: f"# a\u0085b\f c\v d\u2029e\n{text}",
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("habit", HABITS)
def test_habits_of_spreadsheets_and_editors_change_nothing(tmp_path, kind, habit):
    content, (read, expected) = HABITS[habit](TEXTS[kind]), READ[kind]
    path = tmp_path / f"{kind}.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read(path) == expected


MISTAKES: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "Latin-1": (lambda text: ("# a\n# un caf\xe9 noir\n" + text).encode("latin-1"), "line 2: is not UTF-8 text"),
    "spaces for tabs": (lambda text: text.replace("\t", "    "), "line 1: cells are separated by spaces; separate"),
    "a header in a comment": (lambda text: "# x\n#" + text, "line 2: the header is a comment; remove the '#'"),
    "no header": (lambda text: text.split("\n", 1)[1], "line 1"),
    "an unnamed column": (lambda text: text.replace("\t", "\t\t", 1), "line 1: column 2 has no name"),
    "a repeated column": (lambda text: rows(text, lambda line: line + "\t" + line.split("\t")[0]), "stands twice"),
    "an unknown column": (lambda text: text.replace("\t", "\tframme\t", 1), "line 1: unknown column 'framme'"),
    "a tab too many": (lambda text: text + text.split("\n")[1] + "\t\t\tx\n", "line 3: has "),
    "a NUL": (lambda text: text + "\0", "line 3: holds the control character U+0000"),
    "a lost letter": (lambda text: text + "# caf\ufffd", "line 3: holds '\ufffd', where a program lost a letter"),
    "a spreadsheet itself": (lambda text: b"PK\x03\x04" + text.encode(), "export it as tab-separated text"),
    "an old one": (lambda text: b"\xd0\xcf\x11\xe0" + text.encode(), "export it as tab-separated text"),
    "half a UTF-16": (lambda text: text.encode("utf-16")[:-1], "is damaged UTF-16"),
    "nothing": (lambda text: "", "is empty; start it with a header"),
    "comments only": (lambda text: "# a\n# b\n", "is empty; start it with a header"),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, kind, mistake):
    make, message = MISTAKES[mistake]
    content = make(TEXTS[kind])
    path = tmp_path / f"{kind}.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(OnereelError) as error:
        READ[kind][0](path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "cell"),
    [
        ("name\tsource\nbirds    film.mp4\n", 2, "birds    film.mp4"),
        ("name\tsource\nbirds film.mp4\n", 2, "birds film.mp4"),
        ("name\tsource\nbirds,film.mp4\n", 2, "birds,film.mp4"),
        ("name\tsource\tfps\tcaption\nbirds\tfilm.mp4\t12    a bird\n", 2, "12    a bird"),
        ("name source\tfps\nbirds\tfilm.mp4\t12\n", 1, "name source"),
    ],
)
def test_spaces_where_a_tab_belongs_are_named(tmp_path, text, line, cell):
    path = tmp_path / "clips.tsv"
    path.write_text(text)
    with pytest.raises(OnereelError) as error:
        read_clip_sheet(path)
    assert str(error.value).startswith(f"{path}, line {line}: '{' '.join(cell.split())}' is one cell: ")
    assert "put one tab" in str(error.value)


def test_spaces_in_texts_are_nobodys_mistake(tmp_path):
    path = tmp_path / "clips.tsv"
    path.write_text("name\tsource\tcaption\nbirds\tmy  films/a  b.mp4\tBirds.  Two of them.\n")
    assert read_clip_sheet(path)["birds"].source == "my  films/a  b.mp4"


@pytest.mark.parametrize(("mark", "name"), [(",", "commas"), (";", "semicolons")])
def test_texts_hold_commas_so_that_only_tabs_separate_their_cells(tmp_path, mark, name):
    for kind in ("clips", "runs", "heldout"):
        path = tmp_path / f"{kind}.csv"
        path.write_text(TEXTS[kind].replace("\t", mark), encoding="utf-8")
        with pytest.raises(OnereelError, match=f"line 1: cells are separated by {name}; separate them by tabs"):
            READ[kind][0](path)
    path = tmp_path / "boxes.csv"
    path.write_text(TEXTS["boxes"].replace("\t", mark), encoding="utf-8")
    assert READ["boxes"][0](path) == READ["boxes"][1]


@pytest.mark.parametrize(
    ("cell", "caption"),
    [
        ('the "big" one', 'the "big" one'),
        ('"big" and "small"', '"big" and "small"'),
        ('"""big"" and ""small"""', '"big" and "small"'),
        ('"big', '"big'),
        ('a 5" reel', 'a 5" reel'),
        ('"a reel of 5"""', 'a reel of 5"'),
        ('"two\nlines, of text"', "two lines, of text"),
        ('"two\r\nlines"', "two lines"),
        ('"a\tb"', "a b"),
        ("a\u2028b\fc", "a b c"),
        ("two  spaces\u00a0stay", "two  spaces\u00a0stay"),
        ('""', ""),
    ],
)
def test_quotes_around_a_cell_go_and_others_stay(tmp_path, cell, caption):
    path = tmp_path / "clips.tsv"
    path.write_bytes(f"name\tsource\tcaption\tlicence\na\tscene:birds\t{cell}\tMIT\nb\tscene:birds\n".encode())
    found = read_clip_sheet(path)
    assert list(found) == ["a", "b"]
    assert (found["a"].caption, found["a"].licence) == (caption, "MIT")


def test_lone_quotes_in_two_rows_join_nothing(tmp_path):
    path = tmp_path / "clips.tsv"
    path.write_text('name\tsource\tcaption\na\tscene:birds\t"big\nb\tscene:birds\tsmall"\n', encoding="utf-8")
    assert [row.caption for row in read_clip_sheet(path).values()] == ['"big', 'small"']


def test_lines_are_counted_through_cells_of_several(tmp_path):
    path = tmp_path / "clips.tsv"
    path.write_text('name\tsource\tcaption\na\tscene:birds\t"1\n2\n3"\n\nb c\tscene:birds\n', encoding="utf-8")
    with pytest.raises(OnereelError, match=r"clips\.tsv, line 6: 'b c' cannot be a clip's name"):
        read_clip_sheet(path)


def test_a_colour_in_the_first_column_is_no_comment(tmp_path):
    path = tmp_path / "boxes.tsv"
    path.write_text("# boxes\ncolour\tframe\ttop\tleft\tbottom\tright\n#2040a0\t*\t1\t1\t5\t5\n", encoding="utf-8")
    (box,) = read_boxes(path, (4, 9, 9), optional=("colour",))
    assert box.more == {"colour": "#2040a0"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("02. Jan,1,1,5,5", "line 2: frame is '02. Jan'; write 5, 3-7 or *; if a spreadsheet made a date of it"),
        ("0\u20132,1,1,5,5", "line 2: holds '\u2013' (EN DASH, U+2013); write -"),
        ('"0,1,1,5,5"', "line 2: no top"),
        ("0,1,1,5", "line 2: no right"),
        ("0,1,1,5,5,,7", "line 2: has 7 cells, the header 5"),
        ("0,1,1,5.5,5", "line 2: is not a box"),
        ("3-1,1,1,5,5", "line 2: leaves the clip or is empty"),
        ("0,1,1,5,10", "line 2: leaves the clip or is empty"),
    ],
)
def test_rows_that_are_no_boxes_are_named(tmp_path, row, message):
    path = tmp_path / "boxes.csv"
    path.write_text(f"frame,top,left,bottom,right\n{row}\n", encoding="utf-8")
    with pytest.raises(OnereelError) as error:
        read_boxes(path, (4, 9, 9))
    assert message in str(error.value)


def test_a_table_in_the_first_column_of_a_spreadsheet(tmp_path):
    path = tmp_path / "boxes.tsv"
    path.write_text("frame,top,left,bottom,right\t\t\n1,1,1,5,5\t\t\n", encoding="utf-8")
    (box,) = read_boxes(path, (4, 9, 9))
    assert box.where == (slice(1, 2), slice(1, 5), slice(1, 5))
    path.write_text('"frame,top,left,bottom,right"\n"1,1,1,5,5"\n', encoding="utf-8")
    with pytest.raises(OnereelError, match="line 1: a whole row stands in one pair of quotes; remove the quotes"):
        read_boxes(path, (4, 9, 9))


def test_boxes_with_whole_numbers_as_a_spreadsheet_writes_them(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("Frame;Top;Left;Bottom;Right;To_top;To_left\n1,0;1,0;1.0;5;5;0;0\n", encoding="utf-8")
    (box,) = read_boxes(path, (4, 9, 9), required=TARGET)
    assert box.where == (slice(1, 2), slice(1, 5), slice(1, 5))


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("12.0", 12), ("12,00", 12), ("007", 7)])
def test_whole_numbers(text, number):
    assert parse_whole("here", "samples", text, least=1) == number


@pytest.mark.parametrize("text", ["1,5", "1,000", "1.000", "1.5", "-1", "1e3", "\uff11\uff12", "", "9" * 5000, "0"])
def test_what_is_no_whole_number_or_may_be_another(text):
    with pytest.raises(OnereelError, match="here: "):
        parse_whole("here", "samples", text, least=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vote=\u201cmean\u201d", r"LEFT DOUBLE QUOTATION MARK, U\+201C\); write \""),
        ("alpha\uff1d1", r"FULLWIDTH EQUALS SIGN, U\+FF1D\); write ="),
        ("alpha=1\uff1bvote=mean", r"FULLWIDTH SEMICOLON, U\+FF1B\); write ;"),
        ("shift=\u22121", r"MINUS SIGN, U\+2212\); write -"),
        ("a\u2011b=1", r"NON-BREAKING HYPHEN, U\+2011\); write -"),
        ("al\u200bpha=1", r"an invisible character \(ZERO WIDTH SPACE, U\+200B\); delete it"),
        ("when=2020-13-45", "not a YAML value"),
        ("a=!!timestamp x", "not a YAML value"),
        ("a=&x [*x]", "not a YAML value"),
        ("a={b: 1, b: 2}", "not a YAML value"),
        ("a=" + "[" * 5000, "not a YAML value"),
    ],
)
def test_settings_name_the_character_that_only_looks_plain(text, message):
    with pytest.raises(OnereelError, match=message):
        parse_settings(text, "here")


def test_no_break_spaces_in_settings_are_spaces():
    assert parse_settings("a=[1,\u00a01, 1.5];\u00a0b=x") == {"a": [1, 1, 1.5], "b": "x"}


def test_text_of_any_letters_stays_as_it_is(tmp_path):
    path = tmp_path / "runs.tsv"
    prompt = "un café – « l'été » \u201cici\u201d, 鳥 🐦"
    path.write_text(f"run\tclip\tmethod\tprompt\na\tbirds\tvgpnn\t{prompt}\n", encoding="utf-8")
    assert read_run_sheet(path, ["birds"])["a"].prompt == prompt
