"""Progress of a long loop: a bar on a terminal, silence elsewhere (logs get one INFO line per stage instead)."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
log = logging.getLogger(__name__)


class Progress(Protocol):
    """Anything that can watch a loop."""

    def __call__(
        self,
        items: Iterable[Item],
        *,
        total: int,
        label: str,
        initial: int = 0,
        status: Callable[[], str] | None = None,
    ) -> Iterator[Item]:
        """Yield every item of `items`, showing how many of `total` are done under `label`.

        Args:
            items: the loop.
            total: how many there are, with those that were done before.
            label: what the loop does.
            initial: how many were done before.
            status: says in a few words how it goes, e.g. the loss.
        """
        ...


def terminal_progress(
    items: Iterable[Item],
    *,
    total: int,
    label: str,
    initial: int = 0,
    status: Callable[[], str] | None = None,
) -> Iterator[Item]:
    """Draw a tqdm bar on stderr when it is a terminal; log the stage's label otherwise."""
    shown = sys.stderr.isatty()
    if not shown:
        log.info("%s (%d steps)", label, total)
    bar = tqdm(items, total=total, desc=label, initial=initial, leave=False, disable=not shown)
    for item in bar:
        yield item
        if shown and status:
            bar.set_postfix_str(status(), refresh=False)


def no_progress(
    items: Iterable[Item],
    *,
    total: int,
    label: str,
    initial: int = 0,
    status: Callable[[], str] | None = None,
) -> Iterator[Item]:
    """Watch nothing; for tests and library use."""
    yield from items
