"""Names of other people's files: as file names and wildcards of ours, and as text that can be shown."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence

_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 64


def safe_names(names: Sequence[str]) -> dict[str, str]:
    """Names that are safe as a file's name, a wildcard and a word of a command line, each with the name it stands for.

    A name that is safe stays as it is. Of another, and of names that differ only in case, what is safe is kept and a
    hash of the whole name added, so that no two become one, on any file system.

    Args:
        names: different from each other; bytes that are not UTF-8 as Python's surrogates.
    """
    slugs = [_slug(name) for name in names]
    counts = Counter(name.lower() for name in names)
    clear = [slug == name and counts[name.lower()] == 1 for name, slug in zip(names, slugs, strict=True)]
    taken = {slug.lower() for slug, stays in zip(slugs, clear, strict=True) if stays}
    found: dict[str, str] = {}
    for name, slug, stays in zip(names, slugs, clear, strict=True):
        found[slug if stays else _hashed(name, slug, taken)] = name
    return found


def readable(text: str) -> str:
    """What can be shown, logged and written as UTF-8: a byte of a file's name that is none becomes ``\\xe9``, what does
    not print its escape.
    """
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # how Python holds bytes of names that are not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _slug(name: str) -> str:
    kept = _OTHER.sub("-", name)[:_LONGEST].strip("-.")
    return kept or "sample"


def _hashed(name: str, slug: str, taken: set[str]) -> str:
    """The slug with as much of the name's hash as tells it from `taken`, which it joins."""
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()
    made = next(made for length in range(8, 65) if (made := f"{slug}-{digest[:length]}").lower() not in taken)
    taken.add(made.lower())
    return made
