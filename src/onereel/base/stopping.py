"""Stopping when asked: by a scheduler that takes a machine back (SIGTERM, then a kill), or by Ctrl-C (SIGINT)."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_sigterm() -> None:
    """Let SIGTERM end this process as an exception, SystemExit, so that every cleanup runs."""
    signal.signal(signal.SIGTERM, _stop)


@contextmanager
def signals_held() -> Iterator[Callable[[], signal.Signals | None]]:
    """Hold back SIGTERM and SIGINT, for work that ends in a state worth keeping; yield what says which came first.

    Whoever finds that one came finishes, and raises `onereel.base.errors.StoppedError`. One that came after he last
    looked is delivered when the block ends. Elsewhere than in the main thread, which alone hears signals, nothing is
    held; nor is what this process ignores (``nohup``).
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    held = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in held:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield lambda: signal.Signals(came[0]) if came else None
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(f"onereel: stopped by {signal.Signals(number).name}")
