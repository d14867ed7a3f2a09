"""What can be fuzzed: valid cases to start from, which of their files are damaged, and who reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

UNSAFE = "unsafe"
"""How names of cases begin that must be refused as they are."""


@dataclass(frozen=True)
class Target:
    """One reader of the product.

    Attributes:
        name: what the command line calls it.
        make: writes valid cases into a folder: each a folder of its own.
        read: has the product read a case; raises an OnereelError to refuse it. The generator chooses among options.
        victims: glob, within a case, of the files that are damaged.
        disturbs: whether files are also renamed, removed, replaced by folders and links.
        inert: whether reading may neither run a program nor call out, whatever the files hold.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path, Random], None]
    victims: str = "**/*"
    disturbs: bool = False
    inert: bool = False


class WrongResultError(Exception):
    """What was read is not what was stored, and nobody said so."""
