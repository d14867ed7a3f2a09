"""Files that people write: text however a program saved it, YAML, and what a schema says of it.

Every mistake is a ConfigError of one line that names the file and, where there is one, the line.
"""

import codecs
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean, nearest, suggest

Checked = TypeVar("Checked")

LINE_END = re.compile(r"\r\n|\n|\r")
"""What ends a line: no form feed, U+0085 or U+2028, which `str.splitlines` takes for ends and texts hold in cells."""

_MOST = 64 << 20  # bytes; whoever names a video as a sheet is told so, and not after minutes
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods are zip files, xls an OLE one
_MARKS = (  # longest first: a mark of UTF-32 begins with one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_BREAK = re.compile("^[ -]*\u00a0|:\u00a0", re.MULTILINE)
_BREAKS = re.compile("[\x85\u2028\u2029]")  # ends of lines to PyYAML alone
_CELL_END = re.compile(rb"[\t\r\n]")
_LONG = 80  # letters of a value that an error repeats
_HEAD = 64  # bytes that tell UTF-16 without a mark
_FOREIGN = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_TWICE = "stands twice"
# What PyYAML raises besides its own errors: for tags that do not fit (`!!int x`), impossible dates, endless nests.
_YAML_ERRORS = (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError)


def read_text(path: Path, kind: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 as its first bytes say.

    Other encodings are refused and not guessed: the same bytes are other letters in each.

    Args:
        path: the file.
        kind: what it should be, for errors: ``"run sheet"``.

    Raises: ConfigError for a file that cannot be read, is a spreadsheet's own, is no text, is in another encoding, or
        holds control characters or letters that another program has lost.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(str(path), f"cannot be read ({reason})", _other_file(path, kind)) from None
    if data.startswith(_SPREADSHEETS):
        raise ConfigError(str(path), "is a spreadsheet (xlsx, ods, xls), not text", "export it as tab-separated text")
    if len(data) > _MOST:
        raise ConfigError(str(path), f"is larger than {_MOST >> 20} MiB", f"name a {kind}")
    text = _decode(data, path)
    if found := _FOREIGN.search(text):
        where = f"{path}, line {_line_at(text, found.start())}"
        if found[0] == "\ufffd":
            raise ConfigError(where, "holds '\ufffd', where a program lost a letter", "type the letter again")
        raise ConfigError(where, f"holds the control character U+{ord(found[0]):04X}", "save the file as plain text")
    return text


def read_yaml(path: Path, kind: str) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Args:
        path: the file.
        kind: what it should be, for errors: ``"table description"``.

    Raises: ConfigError for a file that cannot be read, is empty, is no YAML, has a key twice, or holds no mapping.
    """
    text = read_text(path, kind)
    if found := _NO_BREAK.search(text):
        where = f"{path}, line {_line_at(text, found.end())}"
        raise ConfigError(where, "holds a no-break space, which is a letter to YAML", "type a plain space")
    content = parse_yaml(text, str(path))
    if content is None:
        raise ConfigError(str(path), "is empty", "write lines of 'key: value'")
    if not isinstance(content, dict):
        raise ConfigError(str(path), f"holds {_say(content)} and no keys", "write lines of 'key: value'")
    return content


def parse_yaml(text: str, where: str) -> Any:
    """The value that a text of YAML stands for.

    Raises: ConfigError, naming the line where it can, for what is no YAML, or has a key twice.
    """
    try:
        return yaml.load(_BREAKS.sub(" ", text), _Loader)
    except _YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        if "'\\t'" in problem:
            problem, remedy = "a tab where YAML allows spaces only", "indent with spaces"
        elif problem.endswith(_TWICE):
            remedy = "keep one of them"
        else:
            remedy = "mend it; quote a text that holds : # [ ] { } & * ! or %"
        raise ConfigError(
            f"{where}, line {mark.line + 1}" if mark else where, f"is no YAML ({problem})", remedy
        ) from None


def read_checked(path: Path, kind: str, schema: TypeAdapter[Checked], known: Iterable[str] = ()) -> Checked:
    """What a YAML file holds, as a schema has it.

    Args:
        path: the file.
        kind: what it should be, for errors.
        schema: checks the content.
        known: keys among which the nearest to an unknown one is looked for.

    Raises: ConfigError as `read_yaml`, and for an unknown key (naming the nearest) or a value that does not fit.
    """
    content = read_yaml(path, kind)
    try:
        return schema.validate_python(content)
    except ValidationError as error:
        steps, problem, remedy = complaint(error, known)
        line = _line_of(read_text(path, kind), steps)
        where = f"{path}, line {line}" if line else str(path)
        raise ConfigError(where, problem, remedy) from None


def complaint(error: ValidationError, known: Iterable[str]) -> tuple[Sequence[str | int], str, str]:
    """What helps most of all that a schema says: (steps to the place, the problem with the place in it, the remedy).

    Args:
        error: what it says.
        known: keys among which the nearest to an unknown one is looked for: all the way to them, with dots, or not.
    """
    known = tuple(known)
    # A misspelt key is also a missing one; naming it helps more.
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    steps, value = first["loc"], first["input"]
    place = ".".join(map(str, steps))
    if first["type"] == "extra_forbidden":
        name = place if any("." in key for key in known) else str(steps[-1])
        return steps, f"no such key '{place}'", did_you_mean(name, known)
    if first["type"] == "missing":
        return steps, f"'{place}' is missing", "add it"
    if first["type"] == "invalid_key" or steps[-1:] == ("[key]",):
        return steps, f"key {_say(value)} is no text", "put it in quotes"
    words = first["msg"].removeprefix("Value error, ")
    if not place and ": " in words:  # of several values together: "what is wrong: what to do"
        problem, _, remedy = words.partition(": ")
        return steps, problem, remedy
    return steps, f"'{place}' is {_say(value)}" if place else words, _write(value, words, first["type"])


def _write(value: Any, words: str, kind: str) -> str:
    """What to write in the place of a value."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]*,[0-9]+", value):
        return f"write {value.replace(',', '.')}, with a point"
    if kind == "literal_error":
        return did_you_mean(str(value), filter(None, re.findall("'([^']*)'", words)))
    if kind in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"write [{value}]"
    return re.sub("^Input should ", "it should ", words)


def _say(value: Any) -> str:
    """A value in a few words; texts in quotes."""
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return "a list" if value else "an empty list"
        case str():
            return f"'{value if len(value) <= _LONG else value[:_LONG] + '…'}'"
        case _:
            return str(value)[:_LONG]


def _decode(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if not encoding.startswith("utf-8"):
            raise ConfigError(str(path), f"is damaged {encoding.upper()}", "save it as UTF-8 text") from None
        before, after = data[: error.start], data[error.start :]
        guess = _CELL_END.split(before)[-1][-12:] + _CELL_END.split(after)[0][:12]
        words = guess.decode("cp1252", "replace")
        if b"\0" in data or not words.isprintable():
            raise ConfigError(str(path), "is no text", "save it as UTF-8 text") from None
        where = f"{path}, line {_line_at(before.decode('latin-1'), error.start)}"
        problem = f"is not UTF-8 text (in Windows-1252 there stands '{words}')"
        raise ConfigError(where, problem, "save it as UTF-8, in a spreadsheet as Unicode text") from None


def _unmarked(data: bytes) -> str:
    """UTF-16 begins with Latin letters here, every second byte of which is 0; everything else should be UTF-8."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = data[first:_HEAD:2], data[1 - first : _HEAD : 2]
        if zeros.count(0) * 2 > len(zeros) and 0 not in others:
            return name
    return "utf-8"


def _line_at(text: str, position: int) -> int:
    return len(LINE_END.split(text[:position]))


def _line_of(text: str, steps: Sequence[str | int]) -> int | None:
    """The line of a YAML text where the value at the end of these steps stands, or the last of them that there is."""
    node, line = yaml.compose(_BREAKS.sub(" ", text), _Loader), None
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == str(step)]
            if found:
                line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _other_file(path: Path, kind: str) -> str:
    folder = path.parent
    try:
        close = nearest(path.name, sorted(other.name for other in folder.iterdir() if other.is_file()))
    except (OSError, ValueError):
        close = None
    return suggest(folder / close) if close and close != path.name else f"name an existing {kind}"


class _Loader(yaml.SafeLoader):
    """YAML without a key that stands twice, where the last would win in silence, and without a value inside itself."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' {_TWICE}", key.start_mark)
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        # Values are made from the inside out, so that one which holds itself is an error instead of a ring.
        return super().construct_object(node, deep=True)
