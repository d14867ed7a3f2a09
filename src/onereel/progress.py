"""Progress of a long loop: a bar on a terminal, silence elsewhere (logs get one INFO line per stage instead)."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
log = logging.getLogger(__name__)


class Progress(Protocol):
    """Anything that can watch a loop."""

    def __call__(self, items: Iterable[Item], *, total: int, label: str) -> Iterator[Item]:
        """Yield every item of `items`, showing how many of `total` are done under `label`."""
        ...


def terminal_progress(items: Iterable[Item], *, total: int, label: str) -> Iterator[Item]:
    """Draw a tqdm bar on stderr when it is a terminal; log the stage's label otherwise."""
    if not sys.stderr.isatty():
        log.info("%s (%d steps)", label, total)
    yield from tqdm(items, total=total, desc=label, leave=False, disable=not sys.stderr.isatty())


def no_progress(items: Iterable[Item], *, total: int, label: str) -> Iterator[Item]:
    """Watch nothing; for tests and library use."""
    yield from items
