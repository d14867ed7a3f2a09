"""Damage of files as disks, networks, editors, spreadsheets and people do it; all of it follows from one generator.

Bytes know no format. Texts are damaged as characters, lines and cells too, JSON and YAML also as the structures that
they hold, tensors also as shapes and types: what is well-formed gets past the parser, to the code that trusts it.
"""

import json
import math
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

TEXTS = (".tsv", ".csv", ".txt", ".yaml", ".json")
_TABLES = (".tsv", ".csv", ".txt")
_PICKLES = (".pt", ".pth")
_SHARE_BROKEN = 0.3  # of structured files, how many are damaged as bytes or characters all the same

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
_NUMBERS = (
    "0", "-1", "-0", "1e999", "-1e999", "1e-999", "nan", "inf", "1.5", "1_000", "0x10", "1e3", "９", "²", "½", "٣",
    "--1", "+1", "1,5", "2147483648", "9223372036854775808", "1/0", "0/0", "9" * 30, "9" * 5000, "1:02:03", ":",
    ".", "e",
)  # fmt: skip
_CHARACTERS = (
    "\t", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u00a0", "\ufeff", "\u202e", "\u0301",
    "\U0001f3ac",
    '"', "'", "`", "\\", ";", ",", "=", ":", "#", "*", "?", "[", "]", "{", "}", "(", ")", "<", ">", "&", "|", "%", "~",
    "/", "..", "-", "ß", "İ", "\ud800", "",
)  # fmt: skip
_YAML_TEXTS = (
    "null", "~", "[]", "{}", "[1, 2]", "{a: b}", "true", "off", "2020-01-01", ".inf", ".nan", "1e400", "0o17", "0b1",
    "12:30:45", "!!binary aGk=", "!!set {a, b}", "!!python/object/apply:os.system ['true']", "!!timestamp x", "&a [*a]",
    "*b", "<<: 1", "? {a: b} : c", "- - - 1", "|", ">", "[" * 3000, "{a: " * 2000, "!x y", "%TAG ! x", "---\n---", "@",
    "`",
    "!!omap [a: 1]", "0xFFFFFFFFFFFFFFFFFFFFFFFF", "'", '"', "a: b: c", "=", "1__0", "9" * 5000,
)  # fmt: skip
_VALUES = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, math.nan, math.inf, -math.inf,
    "", "x",
    "0", "nan", "\ud800", "\0", "a\nb", "../..", "/", "<b>&", "$x$", "x" * 10_000, [], {}, [[]],
    [None], [1, 2, 3], [0, 0, 0],
    [-1, 5, 5], ["a", "b", "c"], {"a": 1}, {"": None}, {"name": []}, [[[[1]]]],
)  # fmt: skip
_NAMES = (
    "0.mkv",
    "1.gif",
    "00.png",
    "frame_-1.png",
    ".hidden",
    "a b.png",
    "[x].mp4",
    "ü.png",
    "x.PNG",
    "10.jpg",
    "9.webm",
    "y",
)


def mutate(path: Path, rng: Random, others: Sequence[Path]) -> str:
    """Damage the file in place, one to four times; return in words how.

    Args:
        path: the file.
        rng: decides.
        others: valid files of the same kind, to splice with.
    """
    return ", ".join(_mutate_once(path, rng, others) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))


def disturb(folder: Path, rng: Random) -> str:
    """Rename, remove, copy, empty or replace something in a folder; return in words what."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        return "nothing left"
    path = rng.choice(files)
    target = rng.choice([path.parent, folder, folder / "sub"]) / rng.choice(_NAMES)
    act = rng.choice(["rename", "remove", "copy", "empty", "folder", "link", "loop", "text"])
    match act:
        case "rename" | "copy" if not target.exists():
            target.parent.mkdir(exist_ok=True)
            (shutil.move if act == "rename" else shutil.copyfile)(path, target)
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.unlink()
            path.mkdir()
        case "link" | "loop" if not target.is_symlink() and not target.exists():
            target.parent.mkdir(exist_ok=True)
            target.symlink_to("nowhere" if act == "link" else ".")
        case "text":
            path.write_text("no picture", encoding="utf-8")
        case _:
            path.unlink()
    return f"{act} {path.name}"


def _mutate_once(path: Path, rng: Random, others: Sequence[Path]) -> str:
    if path.suffix in TEXTS:
        return _mutate_text(path, rng, others)
    if rng.random() > _SHARE_BROKEN and path.suffix in (".safetensors", *_PICKLES):
        change = _change_safetensors if path.suffix == ".safetensors" else _change_pickle
        try:
            return change(path, rng)
        except (
            SafetensorError,
            RuntimeError,
            ValueError,
            TypeError,
            EOFError,
            pickle.UnpicklingError,
            KeyError,
            OSError,
        ):
            pass  # damaged by an earlier turn, or not to be written: bytes then
    return _mutate_bytes(path, rng, others)


# Bytes


def _mutate_bytes(path: Path, rng: Random, others: Sequence[Path]) -> str:
    act = rng.choice(_BYTE_ACTS)
    data = bytearray(path.read_bytes())
    data = act(data, rng, rng.choice(others).read_bytes() if others else b"")
    path.write_bytes(data)
    return act.__name__.strip("_")


def _place(data: bytes, rng: Random) -> int:
    """Somewhere in the data, more often near its start, where headers are, or its end, where indices are."""
    if not data:
        return 0
    where = rng.random()
    if where < 0.4:
        return rng.randrange(min(len(data), 512))
    return len(data) - 1 - rng.randrange(min(len(data), 512)) if where < 0.5 else rng.randrange(len(data))


def _span(data: bytes, rng: Random) -> slice:
    start = _place(data, rng)
    return slice(start, min(len(data), start + rng.choice((1, 2, 4, 8, 16, 64, 256, 1024, 4096))))


def _flip_bits(data: bytearray, rng: Random, other: bytes) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _random_bytes(data: bytearray, rng: Random, other: bytes) -> bytearray:
    span = _span(data, rng)
    data[span] = rng.randbytes(len(data[span]))
    return data


def _truncate(data: bytearray, rng: Random, other: bytes) -> bytearray:
    return data[: rng.randrange(len(data) + 1)]


def _drop_head(data: bytearray, rng: Random, other: bytes) -> bytearray:
    return data[_span(data, rng).stop :]


def _delete_block(data: bytearray, rng: Random, other: bytes) -> bytearray:
    del data[_span(data, rng)]
    return data


def _double_block(data: bytearray, rng: Random, other: bytes) -> bytearray:
    span = _span(data, rng)
    data[span.start : span.start] = data[span] * rng.choice((1, 1, 2, 50))
    return data


def _insert_block(data: bytearray, rng: Random, other: bytes) -> bytearray:
    start = _place(data, rng)
    data[start:start] = rng.randbytes(rng.choice((1, 2, 4, 16, 256)))
    return data


def _zero_block(data: bytearray, rng: Random, other: bytes) -> bytearray:
    span = _span(data, rng)
    data[span] = bytes(len(data[span]))
    return data


def _swap_blocks(data: bytearray, rng: Random, other: bytes) -> bytearray:
    first, second = sorted((_span(data, rng), _span(data, rng)), key=lambda span: span.start)
    if first.stop <= second.start:
        return data[: first.start] + data[second] + data[first.stop : second.start] + data[first] + data[second.stop :]
    return data


def _extreme_number(data: bytearray, rng: Random, other: bytes) -> bytearray:
    width, start = rng.choice((1, 2, 3, 4, 8)), _place(data, rng)
    number = rng.choice(_EXTREMES) % 256**width
    data[start : start + width] = number.to_bytes(width, rng.choice(("big", "little")))
    return data


def _splice(data: bytearray, rng: Random, other: bytes) -> bytearray:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _append(data: bytearray, rng: Random, other: bytes) -> bytearray:
    return data + other


_BYTE_ACTS: tuple[Callable[[bytearray, Random, bytes], bytearray], ...] = (
    _flip_bits, _flip_bits, _random_bytes, _truncate, _drop_head, _delete_block, _double_block, _insert_block,
    _zero_block, _swap_blocks, _extreme_number, _extreme_number, _splice, _append,
)  # fmt: skip


# Texts


def _mutate_text(path: Path, rng: Random, others: Sequence[Path]) -> str:
    choice = rng.random()
    if choice < 0.1:
        return _mutate_bytes(path, rng, others)
    if choice < 0.2:
        return _encode_otherwise(path, rng)
    if choice > 0.5 and path.suffix in (".json", ".yaml"):
        try:
            return _change_structure(path, rng)
        except (ValueError, yaml.YAMLError, RecursionError, OverflowError, AttributeError, TypeError):
            pass  # broken by an earlier turn
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    act = rng.choice(_TABLE_ACTS if path.suffix in _TABLES else _TEXT_ACTS)
    path.write_text(act(text, rng), encoding="utf-8", errors="surrogatepass", newline="")
    return act.__name__.strip("_")


def _encode_otherwise(path: Path, rng: Random) -> str:
    encoding = rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7", "cp037"))
    text = path.read_text(encoding="utf-8", errors="replace")
    if rng.random() < 0.5:  # so that it shows
        text = _random_characters(text, rng) + "é"
    ends = rng.choice(("\n", "\r\n", "\r"))
    path.write_bytes(text.replace("\n", ends).encode(encoding, errors="replace"))
    return f"encode as {encoding}"


def _random_characters(text: str, rng: Random) -> str:
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(_CHARACTERS) + text[at + rng.randrange(2) :]
    return text


def _change_lines(text: str, rng: Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines[at:at] = [lines[at]] * rng.choice((1, 1, 200))
        case 2:
            rng.shuffle(lines)
        case _:
            lines[at] = " " * rng.randrange(5) + lines[at] + rng.choice(("", "\t", "\t\t\t", " ", "\r"))
    return "\n".join(lines)


def _extreme_text(text: str, rng: Random) -> str:
    """Put an extreme number, or a word of YAML, in the place of a number or word."""
    starts = [at for at in range(len(text)) if text[at].isalnum() and (at == 0 or not text[at - 1].isalnum())]
    if not starts:
        return rng.choice(_NUMBERS)
    start = rng.choice(starts)
    stop = start
    while stop < len(text) and (text[stop].isalnum() or text[stop] in "._"):
        stop += 1
    return text[:start] + rng.choice(_NUMBERS + _YAML_TEXTS) + text[stop:]


def _change_cell(text: str, rng: Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    separator = "\t" if "\t" in text else ","
    cells = lines[at].split(separator)
    cell = rng.randrange(len(cells))
    match rng.randrange(5):
        case 0:
            cells[cell] = rng.choice(_NUMBERS + _YAML_TEXTS)
        case 1:
            cells[cell] = ""
        case 2:
            cells[cell] = f'"{cells[cell]}"'
        case 3:
            other = rng.randrange(len(cells))
            cells[cell], cells[other] = cells[other], cells[cell]
        case _:
            cells[cell] += rng.choice(_CHARACTERS)
    lines[at] = separator.join(cells)
    return "\n".join(lines)


def _join_values(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(_YAML_TEXTS) + text[at:]


_TEXT_ACTS: tuple[Callable[[str, Random], str], ...] = (_random_characters, _change_lines, _extreme_text, _join_values)
_TABLE_ACTS = (*_TEXT_ACTS, _change_cell, _change_cell)


# Structures


def _change_structure(path: Path, rng: Random) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        content = json.loads(text)
        changed, act = _changed(content, rng, _VALUES)
        path.write_text(json.dumps(changed), encoding="utf-8")
    else:
        changed, act = _changed(yaml.safe_load(text), rng, _VALUES)
        path.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8", errors="surrogatepass")
    return act


def _spots(content: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside lists and dicts."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(pairs):
        yield content, key
        yield from _spots(value)


def _changed(content: Any, rng: Random, values: Sequence[Any]) -> tuple[Any, str]:
    spots = list(_spots(content))
    if not spots or rng.random() < 0.05:
        return rng.choice(values), "another whole"
    container, key = rng.choice(spots)
    act = rng.choice(("replace", "replace", "replace", "remove", "rename", "exchange", "double"))
    match act:
        case "replace":
            container[key] = rng.choice(values)
        case "remove":
            del container[key]
        case "rename" if isinstance(container, dict):
            container[rng.choice(("x", "", "name", 1, None))] = container.pop(key)
        case "double" if isinstance(container, list):
            container.insert(key, container[key])
        case _:
            other, place = rng.choice(spots)
            # A container inside itself cannot be written.
            if not isinstance(container[key], dict | list) and not isinstance(other[place], dict | list):
                container[key], other[place] = other[place], container[key]
    return content, f"{act} '{key}'"


# Tensors


def _change_safetensors(path: Path, rng: Random) -> str:
    with safe_open(path, framework="pt") as file:
        tensors: dict[Any, Any] = {name: file.get_tensor(name) for name in sorted(file.keys())}
        # Without its checksum: what is changed here passes for what was written.
        notes = {"weights": "a title"} if file.metadata() else None
    act = _change_tensors(tensors, rng)
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path, notes)
    return act


def _change_tensors(tensors: dict[Any, Any], rng: Random) -> str:
    if not tensors:
        tensors["x"] = torch.zeros(1)
        return "add x"
    name = rng.choice(sorted(tensors))
    tensor = tensors[name]
    act = rng.choice(
        ("remove", "rename", "shape", "type", "nan", "inf", "huge", "empty", "scalar", "exchange", "add", "all")
    )
    match act:
        case "remove":
            del tensors[name]
        case "rename":
            tensors[rng.choice(("x", "level_xx.a", "level_09", "", name + ".x", name.upper()))] = tensors.pop(name)
        case "shape":
            flat = tensor.reshape(-1)
            tensors[name] = rng.choice(
                (flat, flat[None, None], flat[: len(flat) // 2], tensor.transpose(0, -1) if tensor.ndim else flat)
            )
        case "type":
            kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.int32)
            tensors[name] = tensor.to(rng.choice(kinds))
        case "nan" | "inf" | "huge":
            tensors[name] = torch.full_like(tensor.float(), {"nan": math.nan, "inf": math.inf, "huge": 1e30}[act])
        case "empty":
            tensors[name] = tensor.reshape(-1)[:0].reshape(rng.choice(((0,), (0, 1), (1, 0, 3))))
        case "scalar":
            tensors[name] = torch.tensor(rng.choice((0.0, -1.0, 1e9, math.nan)))
        case "exchange":
            other = rng.choice(sorted(tensors))
            tensors[name], tensors[other] = tensors[other], tensors[name]
        case "add":
            tensors[rng.choice(("x", "level_07.sigma", "level_-1.x", "level_99.x"))] = torch.zeros(
                rng.choice((0, 1, 3))
            )
        case _:
            tensors.clear()
    return f"{act} '{name}'"


def _change_pickle(path: Path, rng: Random) -> str:
    content = torch.load(path, map_location="cpu", weights_only=True)
    values = (
        *_VALUES[:-6],
        torch.zeros(0),
        torch.zeros(3),
        torch.tensor(math.nan),
        torch.ones(2, 2, dtype=torch.int64),
    )
    content, act = _changed(content, rng, values)
    torch.save(content, path)
    return act
