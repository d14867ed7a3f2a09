"""What a workflow job leaves behind besides its outputs: a log file and, when it fails, a failure record.

Snakemake's ``log:`` redirects nothing of a script and shows a traceback on the console only; and it deletes the log
when the job is tried again. The failure record survives, so that tables and report can say why a run has no numbers.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onereel.base.errors import FileError, OnereelError, explained
from onereel.base.filenames import readable
from onereel.base.files import write_json
from onereel.base.masking import masked
from onereel.base.stopping import stop_on_sigterm

_TAIL_LINES = 30
_FOR_CONSOLE = ("onereel.estimates",)  # what somebody who waits wants to know


@contextmanager
def job_log(job: Any, *, failures: Path = Path("results/failures")) -> Iterator[None]:
    """Log to the job's log file, warnings and estimates to stderr as well; record and re-raise what goes wrong.

    An `OnereelError` ends the process with its exit code and its one line, and so does what the system refuses (a full
    disk, memory), with its traceback in the log file. Everything else keeps its traceback.

    Args:
        job: Snakemake's job object: ``rule``, ``wildcards``, ``log``.
        failures: folder of the failure records; a success removes the record of an earlier failure.
    """
    log_path = Path(job.log[0])
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        file = _LogFile(log_path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        sys.exit(str(FileError(log_path, "cannot be written", error)))
    format_ = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    console = logging.StreamHandler()
    console.addFilter(lambda record: record.levelno >= logging.WARNING or record.name in _FOR_CONSOLE)
    handlers: list[logging.Handler] = [file, console]
    for handler in handlers:
        handler.setFormatter(_Masking(format_, datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    stop_on_sigterm()
    wildcards = dict(job.wildcards.items())
    record = failures / _record_name(job.rule, wildcards)
    try:
        yield
    except BaseException as error:
        told = explained(error)
        trace = None if isinstance(error, OnereelError) else traceback.format_exc()
        if told is None:
            logging.getLogger(job.rule).error("%s", trace)
            _record_failure(record, job.rule, wildcards, f"{type(error).__name__}: {error}".splitlines()[0], log_path)
            raise
        if trace:  # in the log file only
            file.emit(logging.makeLogRecord({"levelname": "ERROR", "name": job.rule, "msg": trace}))
        logging.getLogger(job.rule).error("%s", told)
        _record_failure(record, job.rule, wildcards, str(told), log_path)
        sys.exit(told.exit_code)
    record.unlink(missing_ok=True)


class _Masking(logging.Formatter):
    """Leaves passwords out, also of tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _record_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """A file's name for each job: + stands in no wildcard, so none is another's; - does."""
    return "+".join([rule, *wildcards.values()]).replace("/", "+") + ".json"


class _LogFile(logging.FileHandler):
    """A log file that says nothing of its own troubles: on a full disk the job's error is what a user needs to see."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Drop the line."""


def _record_failure(path: Path, rule: str, wildcards: Mapping[str, str], reason: str, log_path: Path) -> None:
    tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    content = {
        "rule": rule,
        "run": wildcards.get("run", ""),
        "test": wildcards.get("test", ""),
        "clip": wildcards.get("clip", ""),
        "method": wildcards.get("method", ""),
        "sample": wildcards.get("sample", ""),
        "reason": masked(readable(reason)),
        "log_tail": "\n".join(tail),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with suppress(FileError):  # on a full disk there is no record, but still the line on stderr
        write_json(path, content)
