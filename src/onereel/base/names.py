"""Names that a person typed: what may be one, and those that there are."""

import difflib
import re
from collections.abc import Collection, Iterable
from itertools import groupby

ALIGNMENTS = ("", "crop", "resize", "crop+resize", "keep")
"""How samples of another size may be compared; see `onereel.metrics.align.align_clips`."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST = 20  # names that an error lists; a sheet may have a thousand


def valid_name(name: str) -> bool:
    """Whether `name` is safe as a file's name, a Snakemake wildcard and a word on a command line.

    Up to 64 of A-Z a-z 0-9 _ -, beginning with a letter or a digit. No dot: it would begin a suffix, or lead upwards.
    """
    return _NAME.fullmatch(name) is not None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, whatever its case; None where none is."""
    by_key = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), by_key, n=1, cutoff=0.5)
    return by_key[found[0]] if found else None


def suggest(close: object) -> str:
    """The remedy that offers what is most like a name that does not exist."""
    return f"did you mean '{close}'?"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that does not exist: the nearest that does, or those that there are."""
    known = tuple(known)
    if close := nearest(name, known):
        return suggest(close)
    more = ", …" if len(known) > _MOST else ""
    return f"choose one of {', '.join(known[:_MOST]) or '(none)'}{more}"


def pattern_of(names: Collection[str]) -> str:
    """A regular expression that matches these names whole and no others; one that matches nothing for none.

    What names have in common stands in it once: `c0` to `c999` take 52 characters and not 4,889, of which Snakemake
    reads every one each time that it fills a wildcard in.
    """
    return _alternatives(sorted(set(names))) if names else "(?!)"


def _alternatives(names: list[str]) -> str:
    """Of names that are sorted, and each there once."""
    if len(names) == 1:
        return re.escape(names[0])
    head = _common_start(names)
    rests = [name[len(head) :] for name in names]
    tail = _common_start([rest[::-1] for rest in rests])[::-1]
    rests = sorted(rest.removesuffix(tail) for rest in rests)
    beginnings: dict[str, list[str]] = {}  # letters, by what may follow them
    for letter, group in groupby(filter(None, rests), key=lambda rest: rest[0]):
        beginnings.setdefault(_alternatives([rest[1:] for rest in group]), []).append(re.escape(letter))
    ways = [(f"[{''.join(letters)}]" if letters[1:] else letters[0]) + rest for rest, letters in beginnings.items()]
    return f"{re.escape(head)}(?:{'|'.join(ways)}){'' if rests[0] else '?'}{re.escape(tail)}"


def _common_start(names: Collection[str]) -> str:
    first, last = min(names), max(names)  # of all in order, these have least in common
    differs = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differs, len(first))]
