"""Names that a person typed, against those that there are."""

import difflib
from collections.abc import Iterable

_MOST = 20  # names that an error lists; a sheet may have a thousand


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, whatever its case; None where none is."""
    by_key = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), by_key, n=1, cutoff=0.5)
    return by_key[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that does not exist: the nearest that does, or those that there are."""
    known = tuple(known)
    if close := nearest(name, known):
        return f"did you mean '{close}'?"
    more = ", …" if len(known) > _MOST else ""
    return f"choose one of {', '.join(known[:_MOST]) or '(none)'}{more}"
