"""Names that a person typed: what may be one, and those that there are."""

import difflib
import re
from collections.abc import Iterable

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
