"""Progress where standard error is no terminal: lines while it lasts, also while a single step does."""

import logging
import threading

import pytest

from onereel.base import progress
from onereel.base.progress import progress_line, terminal_progress


@pytest.fixture
def told(monkeypatch):
    """Lines as they come, and an event for each number of them."""
    lines, more = [], threading.Semaphore(0)

    class Keeping(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())
            more.release()

    handler = Keeping()
    monkeypatch.setattr(progress, "_FIRST", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.001)
    progress.lines.addHandler(handler)
    progress.lines.setLevel(logging.INFO)
    yield lines, more
    progress.lines.removeHandler(handler)
    progress.lines.setLevel(logging.NOTSET)


def test_a_step_that_takes_long_is_told_of_while_it_does(told):
    lines, more = told
    seen = []
    for item in terminal_progress("abc", total=3, label="measure"):
        seen.append(item)
        while more.acquire(blocking=False):
            pass
        assert more.acquire(timeout=60)
        assert more.acquire(timeout=60), "the second one is of this step for certain"
        assert lines[-1].startswith(f"measure: {len(seen) - 1} of 3 after ")
    assert seen == ["a", "b", "c"]


def test_nothing_is_told_after_the_loop_or_when_it_is_left(told):
    for _ in terminal_progress(range(5), total=5, label="left"):
        break
    for thread in [thread for thread in threading.enumerate() if thread.name == "progress"]:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_line_says_how_long_the_rest_takes_at_this_pace():
    assert progress_line("train", 3, 12, 0, 45.2) == "train: 3 of 12 after 45 s, about 2 min left"
    assert progress_line("train", 9, 12, 6, 30.0) == "train: 9 of 12 after 30 s, about 30 s left"
    assert progress_line("train", 6, 12, 6, 30.0) == "train: 6 of 12 after 30 s"
