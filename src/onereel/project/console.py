"""What Snakemake says on the console: a line when a job starts, how many are done, whatever fails; all else is in its
log file. Of a dry run for a cluster: what the scheduler would be asked for.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

_DROPPED = ("JOB_FINISHED", "RESOURCES_INFO", "WORKFLOW_STARTED", "GROUP_INFO")
_CHATTER = ("Select jobs to execute", "Execute ", "Assuming unrestricted", "Building DAG", "Using workflow specific")
_ASKED = ("mem_mb", "runtime", "gpu")
_SHOWN_RUNS = 20


class QuietFilter(logging.Filter):
    """Of Snakemake's records on a console: lets progress and errors pass, and shortens the rest."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown as Snakemake formats it."""
        event = _event(record)
        if event == "JOB_INFO":
            self._say(job_line(str(getattr(record, "rule_name", "job")), getattr(record, "wildcards", None) or {}))
            return False
        chatter = record.levelno <= logging.INFO and record.getMessage().startswith(_CHATTER)
        return event not in _DROPPED and not chatter


class Requests(logging.Filter):
    """Counts what jobs ask for, as a dry run names them; lets everything pass.

    Args:
        is_local: whether the jobs of a rule run where Snakemake does, and nobody is asked for them.
    """

    def __init__(self, is_local: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_local = is_local
        self.counts: Counter[tuple[str, ...]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count a job."""
        rule = str(getattr(record, "rule_name", ""))
        if _event(record) == "JOB_INFO" and not self._is_local(rule):
            resources = getattr(record, "resources", {})
            asked = [str(resources.get(name, "-")) for name in _ASKED]
            self.counts[(rule, str(getattr(record, "threads", 1)), *asked)] += 1
        return True

    def table(self) -> Iterator[str]:
        """A line for every kind of request."""
        rows = [(rule, str(count), *asked) for (rule, *asked), count in sorted(self.counts.items())]
        return aligned(("rule", "jobs", "cpus", "mem_mb", "minutes", "gpu"), rows)


def shorten_console(logger: logging.Logger) -> None:
    """Let Snakemake's handler for the console, not the one of its log file, say less."""
    quiet = QuietFilter(lambda line: print(line, file=sys.stderr, flush=True))
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(quiet)


def job_line(rule: str, wildcards: Mapping[str, Any]) -> str:
    """A job in a few words: ``train water singan_gif fast pyramid``."""
    return " ".join([rule, *map(str, wildcards.values())])


def summary(runs: Iterable[tuple[str, str, str, str, int]]) -> Iterator[str]:
    """A row for each run: name, clip, method, preset, how many samples; counts alone where there are many."""
    rows = [(run, clip, method, preset, str(count)) for run, clip, method, preset, count in runs]
    if len(rows) > _SHOWN_RUNS:
        yield f"{len(rows)} runs, {sum(int(row[-1]) for row in rows)} samples"
        return
    yield from aligned(("run", "clip", "method", "preset", "samples"), rows)


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table whose columns are as wide as their longest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _event(record: logging.LogRecord) -> str:
    event = getattr(record, "event", None)
    return str(getattr(event, "name", ""))
