"""Progress of a long loop: a bar on a terminal; elsewhere, in logs, a line now and then for as long as it takes."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
_FIRST, _EVERY = 10.0, 30.0  # seconds until the first line of a loop, and between lines
log = logging.getLogger(__name__)
# What the command line shows where standard error is no terminal.
lines = logging.getLogger("onereel.progress")


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
    """Draw a tqdm bar on stderr when it is a terminal; else log a line after 10 s and then every 30 s."""
    if not sys.stderr.isatty():
        yield from _told(items, total, label, initial)
        return
    bar = tqdm(items, total=total, desc=label, initial=initial, leave=False)
    for item in bar:
        yield item
        if status:
            bar.set_postfix_str(status(), refresh=False)


def _told(items: Iterable[Item], total: int, label: str, initial: int) -> Iterator[Item]:
    log.info("%s (%d steps)", label, total)
    done, start, over = initial, time.monotonic(), threading.Event()

    def tell() -> None:
        """In a thread, since a single step may take minutes."""
        wait = _FIRST
        while not over.wait(wait):
            lines.info("%s", progress_line(label, done, total, initial, time.monotonic() - start))
            wait = _EVERY

    threading.Thread(target=tell, daemon=True, name="progress").start()
    try:
        for item in items:
            yield item
            done += 1
    finally:
        over.set()


def progress_line(label: str, done: int, total: int, initial: int, seconds: float) -> str:
    """How far a loop is, and how long the rest takes at its pace: ``measure: 3 of 12 after 45 s, about 135 s left``."""
    text = f"{label}: {done} of {total} after {seconds:.0f} s"
    if done <= initial or total <= done:
        return text
    left = seconds / (done - initial) * (total - done)
    return f"{text}, about {f'{left:.0f} s' if left < 120 else f'{left / 60:.0f} min'} left"


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
