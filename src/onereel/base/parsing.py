"""Tables that people write, in an editor or a spreadsheet: the one reader of clip, run and test sheets and of boxes.

Every mistake is a ConfigError that names the line, what is wrong and what to do.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean, nearest
from onereel.base.readers import LINE_END, parse_yaml, read_text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
EVERY_CLIP = "*"
"""What stands in the column ``clip`` for all clips."""
MOST_SAMPLES = 100_000
"""More of one run is a slip: each is a file and a job."""

_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
_COMMENT = re.compile(r"[^\S\r\n]*#[^\r\n]*")
_BREAKS = re.compile("[\t\n\r\v\f\x85\u2028\u2029]+")
_WHOLE = re.compile("(-?[0-9]+)(?:[.,]0{1,2})?")  # spreadsheets write 12 as 12.0; but 1,000 is a thousand to some
_GAP = re.compile("[ \u00a0]{2}")
_SPACES = "(an editor may write spaces for the tab key; a spreadsheet exports tab-separated text)"
_DIGITS = 100  # more, and Python itself refuses to read a number
_DECIMAL_COMMA = re.compile("([0-9]*),([0-9]+)")
# What word processors make of plain characters; those that Unicode calls the same anyway (full width) are not listed.
_TYPOGRAPHIC = dict.fromkeys("“”„‟″", '"') | dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("‐‑‒–—―−", "-")


@dataclass(frozen=True)
class Layout:
    """What a sheet looks like.

    Attributes:
        kind: what errors call it, e.g. ``"run sheet"``.
        columns: names that its header may hold, in the usual order.
        required: those that it must hold, and that no row may leave empty.
        separators: what may stand between cells, as the header shows. Only tabs where texts hold commas and semicolons
            of their own.
        hashes: columns whose cells begin with ``#`` themselves; where one comes first, no row is a comment.
        renamed: what columns were called earlier, and what they are called now.
        texts: columns that hold sentences or paths, in which spaces stand side by side for no reason of ours.
    """

    kind: str
    columns: Sequence[str]
    required: Sequence[str]
    separators: str = "\t"
    hashes: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    texts: Sequence[str] = ()


def read_rows(path: Path, layout: Layout) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a sheet as (where it stands, filled cells by column): a header, ``#`` comments, tabs between cells.

    As spreadsheets save it: in UTF-8 or UTF-16, with any ends of lines, cells in quotes (``"a ""red"" bird"``; quotes
    within a text stay), and empty cells at the end. A tab or line break within a cell becomes a space.

    Raises: ConfigError for a file that cannot be read, an unknown, missing or repeated column, too many cells, and an
        empty cell that is required.
    """
    text = read_text(path, layout.kind)
    header: tuple[str, ...] = ()
    comments: list[tuple[str, list[str]]] = []
    separator = _separator(text, layout)
    for number, cells in _split(text, separator):
        where = f"{path}, line {number}"
        if cells[0].startswith("#") and not (header and header[0] in layout.hashes):
            comments.append((where, cells))
        elif not header:
            header = tuple(cell.lower() for cell in cells)
            _check_header(where, header, layout, comments)
        else:
            yield where, _filled(where, header, cells, layout, separator)
    if not header:
        raise ConfigError(str(path), "is empty", f"start it with a header: {', '.join(layout.columns)}")


def _filled(where: str, header: Sequence[str], cells: Sequence[str], layout: Layout, separator: str) -> dict[str, str]:
    """The cells of a row by column, without empty ones."""
    if len(cells) > len(header):
        remedy = f"separate cells by one {_SEPARATORS[separator][:-1]}, and use none inside a cell"
        raise ConfigError(where, f"has {len(cells)} cells, the header {len(header)}", remedy)
    filled = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    _check_tabs(where, filled, layout, separator)
    for name in layout.required:
        if name not in filled:
            raise ConfigError(where, f"no {name}", f"fill the column '{name}'")
    return filled


def _check_tabs(where: str, filled: Mapping[str, str], layout: Layout, separator: str) -> None:
    """Name what most often goes wrong: an editor that writes spaces where a person pressed the tab key."""
    if separator != "\t":
        return
    few = not set(layout.required) <= set(filled)
    for name, cell in filled.items():
        joined = few and len(filled) == 1 and re.search("[ ,;]", cell)
        if joined or (_GAP.search(cell) and (few or name not in layout.texts)):
            between = "spaces" if " " in cell else "commas" if "," in cell else "semicolons"
            problem = f"'{cell}' is one cell: {between}, and no tab, stand between its parts"
            raise ConfigError(where, problem, f"put one tab between cells {_SPACES}")


def _separator(text: str, layout: Layout) -> str:
    """What stands between cells, as the first line that is no comment shows."""
    lines = (line for line in LINE_END.split(text) if line.strip() and not line.lstrip(' "').startswith("#"))
    header = next(lines, "")
    return max(layout.separators, key=lambda mark: len(_known(header, mark, layout)))  # the first of equals


def _split(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, comments among them: (number of the first line, cells without empty ones behind).

    Quotes enclose a cell if they are its first and last character and stand in pairs between. Such a cell may hold
    separators or line breaks; not both, or two rows with a lone quote each would count as one.
    """
    spaces, end = rf"[^\S\r\n{separator}]*", rf"(?=[{separator}\r\n]|\Z)"
    inside = rf'(?:[^"\r\n]|"")*|(?:[^"{separator}]|"")*'
    cell = re.compile(rf'{spaces}"(?P<quoted>{inside})"{spaces}{end}|(?P<plain>[^{separator}\r\n]*)')
    position, line = 0, 1
    while position < len(text):
        first, start, cells, more = line, position, list[str](), True
        if comment := _COMMENT.match(text, position):
            cells, position, more = comment[0].split(separator), comment.end(), False
        while more and (found := cell.match(text, position)):
            cells.append(found["quoted"].replace('""', '"') if found["plain"] is None else found["plain"])
            more = text.startswith(separator, found.end())
            position = found.end() + more
        line += len(LINE_END.findall(text, start, position)) + 1
        ended = LINE_END.match(text, position)
        position = ended.end() if ended else len(text)
        cells = [_tidy(value) for value in cells]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield first, cells


def _tidy(cell: str) -> str:
    """A cell without tabs and line breaks, and without spaces and invisible characters around it."""
    cell = _BREAKS.sub(" ", cell)
    kept = [place for place, letter in enumerate(cell) if not letter.isspace() and unicodedata.category(letter) != "Cf"]
    return cell[kept[0] : kept[-1] + 1] if kept else ""


def check_name(where: str, kind: str, name: str) -> str:
    """`name`, if it is usable in a path.

    Raises: ConfigError otherwise.
    """
    if not _NAME.fullmatch(plain(where, name)):
        raise ConfigError(where, f"{kind} name '{name}' is not usable in a path", "use letters, digits, _ . -")
    return name


def named_clips(cell: str) -> list[str]:
    """The clips that a cell ``a,b`` names."""
    return [name.strip() for name in cell.split(",")]


def expand_clips(where: str, name: str, cell: str, clips: Sequence[str], every: Sequence[str]) -> dict[str, str]:
    """The clips of a row by the name of what it asks for there: ``{clip}-{name}``, or `name` alone for a single clip.

    Args:
        where: the row.
        name: its name.
        cell: its clip: a name, a list ``a,b``, ``*``, or nothing for a row without one.
        clips: names of the clips that exist.
        every: those that ``*`` stands for.

    Raises: ConfigError for a clip that does not exist, naming the nearest.
    """
    if cell == EVERY_CLIP:
        return {f"{clip}-{name}": clip for clip in every}
    if not cell:
        return {name: ""}
    names = named_clips(cell)
    for clip in names:
        if clip not in clips:
            raise ConfigError(where, f"no clip '{plain(where, clip)}'", did_you_mean(clip, clips))
    return {name: names[0]} if len(names) == 1 else {f"{clip}-{name}": clip for clip in names}


def parse_whole(where: str, name: str, value: str, *, least: int, most: int | None = None) -> int:
    """The whole number from `least` to `most` in a cell."""
    number = whole_number(plain(where, value))
    if number is None or number < least:
        raise ConfigError(where, f"{name} is '{value}'", f"use a whole number >= {least}")
    if most is not None and number > most:
        raise ConfigError(where, f"{name} is '{value}'", f"use a whole number <= {most}")
    return number


def whole_number(text: str) -> int | None:
    """The whole number that a text says, also as spreadsheets write it (``12.0``); None if it says none."""
    found = _WHOLE.fullmatch(text) if len(text) < _DIGITS else None
    return int(found[1]) if found else None


def decimal_point(text: str) -> str:
    """``1,5`` as ``1.5``; any other text as it is."""
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def plain(where: str, text: str) -> str:
    """`text`, if none of its characters only looks like a plain one: curly quotes, dashes, full-width signs.

    Raises: ConfigError naming the first that does, or that is not to be seen at all.
    """
    for letter in text:
        if letter.isascii() or letter.isspace():
            continue
        problem = f"holds '{letter}' ({unicodedata.name(letter, 'no name')}, U+{ord(letter):04X})"
        meant = _TYPOGRAPHIC.get(letter) or unicodedata.normalize("NFKC", letter)
        if unicodedata.category(letter) == "Cf":
            raise ConfigError(where, problem.replace(f"'{letter}'", "an invisible character"), "delete it")
        if meant.isascii():
            raise ConfigError(where, problem, f"write {meant}")
    return text


def parse_settings(text: str, where: str = "settings") -> dict[str, Any]:
    """``"alpha=0.01; ladder.min_side=20"`` -> ``{"alpha": 0.01, "ladder.min_side": 20}``; values are YAML."""
    text = "".join(
        " " if letter.isspace() else letter for letter in plain(where, text)
    )  # no-break ones are text to YAML
    return {key: _value(where, key, value) for key, value in parse_pairs(text, where).items()}


def _value(where: str, key: str, value: str) -> Any:
    try:
        return parse_yaml(value, where)
    except ConfigError:
        raise ConfigError(where, f"'{value}' is not a YAML value", f"quote it: {key}='…'") from None


def parse_pairs(text: str, where: str) -> dict[str, str]:
    """``"style=clip:birds; mask=holes.png"`` -> ``{"style": "clip:birds", "mask": "holes.png"}``."""
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ConfigError(where, f"'{plain(where, part)}' is not key=value", "separate several by ';'")
        if key.strip() in pairs:
            raise ConfigError(where, f"'{key.strip()}' stands twice", "keep one of them")
        pairs[key.strip()] = value.strip()
    return pairs


def clips_and_files(inputs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Further inputs by role, apart: the names behind ``clip:``, and the paths of all others."""
    clips = {role: value.removeprefix("clip:") for role, value in inputs.items() if value.startswith("clip:")}
    return clips, {role: value for role, value in inputs.items() if role not in clips}


def parse_choice(where: str, what: str, value: str, choices: Sequence[str]) -> str:
    """`value`, if it is among `choices`.

    Raises: ConfigError otherwise, naming the nearest choice.
    """
    if value in choices:
        return value
    raise ConfigError(where, f"unknown {what} '{plain(where, value)}'", did_you_mean(value, choices))


def unique(where: str, kind: str, name: str, taken: Mapping[str, Any]) -> str:
    """`name`, if nothing is called so yet.

    Raises: ConfigError otherwise.
    """
    if name in taken:
        raise ConfigError(where, f"{kind} '{name}' exists already", f"give every {kind} its own name")
    return name


def _check_header(where: str, header: Sequence[str], layout: Layout, comments: Sequence[tuple[str, list[str]]]) -> None:
    if len(header) == 1:
        _check_separated(where, header[0], layout)
    if not set(layout.required) <= set(header):
        for line, cells in comments:
            names = {cell.lstrip("# ").lower() for cell in cells}
            if set(layout.required) <= names <= set(layout.columns):
                raise ConfigError(line, "the header is a comment", "remove the '#' before it")
    if not any(nearest(name, layout.columns) for name in header):
        raise ConfigError(where, "is no header", f"begin with the names of the columns: {', '.join(layout.columns)}")
    for position, name in enumerate(header, 1):
        if not name:
            raise ConfigError(where, f"column {position} has no name", "name it or remove it")
        if len(_known(name, " ", layout)) > 1:
            raise ConfigError(
                where, f"'{name}' is one cell: spaces, and no tab, stand between", f"put one tab {_SPACES}"
            )
        if name in layout.renamed:
            raise ConfigError(where, f"column '{name}' is called '{layout.renamed[name]}' now", "rename it")
        if name in header[: position - 1]:
            raise ConfigError(where, f"column '{name}' stands twice", "keep one of them")
        parse_choice(where, "column", name, layout.columns)
    for name in layout.required:
        if name not in header:
            raise ConfigError(where, f"no column '{name}'", f"add it; the columns are {', '.join(layout.columns)}")


def _check_separated(where: str, header: str, layout: Layout) -> None:
    wanted = " or ".join(_SEPARATORS[mark] for mark in layout.separators)
    for mark, name in (*_SEPARATORS.items(), (" ", "spaces")):
        if len(_known(header, mark, layout)) > 1:
            if mark in layout.separators:
                raise ConfigError(where, "a whole row stands in one pair of quotes", "remove the quotes")
            remedy = f"separate them by {wanted} (in a spreadsheet: export as tab-separated text)"
            raise ConfigError(where, f"cells are separated by {name}", remedy)


def _known(header: str, mark: str, layout: Layout) -> set[str]:
    """The columns that a line names if this separates them."""
    return {_tidy(cell.replace('"', "")).lower() for cell in header.split(mark)} & set(layout.columns)
