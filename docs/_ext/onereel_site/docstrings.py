"""Docstrings of this project for Sphinx: ``Returns: …`` and ``Raises: …`` on one line, backticks for code."""

import re
from typing import Any

_INLINE = re.compile(r"^(\s*)(Returns|Raises|Source|Example): +(\S.*)$")


def as_napoleon_reads(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """A paragraph of its own for each word that stands before a colon, in bold."""
    out: list[str] = []
    for line in lines:
        if found := _INLINE.match(line):
            out += ["", f"{found[1]}**{found[2]}:** {found[3]}"]
        else:
            out.append(line)
    lines[:] = out
