"""What a workflow job leaves behind besides its outputs: a log file and, when it fails, a failure record.

Snakemake's ``log:`` redirects nothing of a script and shows a traceback on the console only; and it deletes the log
when the job is tried again. The failure record survives, so that tables and report can say why a run has no numbers.
"""

import logging
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from onereel.errors import OnereelError
from onereel.files import write_json
from onereel.masking import masked
from onereel.naming import readable

_TAIL_LINES = 30


@contextmanager
def job_log(job: Any, *, failures: Path = Path("results/failures")) -> Iterator[None]:
    """Log to the job's log file and stderr; record and re-raise what goes wrong.

    An `OnereelError` ends the process with exit code 1 and its one line; everything else keeps its traceback.

    Args:
        job: Snakemake's job object: ``rule``, ``wildcards``, ``log``.
        failures: folder of the failure records; a success removes the record of an earlier failure.
    """
    log_path = Path(job.log[0])
    log_path.parent.mkdir(parents=True, exist_ok=True)
    format_ = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handlers: list[logging.Handler] = [logging.FileHandler(log_path, encoding="utf-8"), logging.StreamHandler()]
    logging.basicConfig(level=logging.INFO, format=format_, datefmt="%H:%M:%S", handlers=handlers, force=True)
    for handler in handlers:
        handler.setFormatter(_Masking(format_, datefmt="%H:%M:%S"))
    # A scheduler ends a job with SIGTERM; as an exception it leaves a record and runs every cleanup.
    signal.signal(signal.SIGTERM, _stop)
    wildcards = dict(job.wildcards.items())
    record = failures / _record_name(job.rule, wildcards)
    try:
        yield
    except OnereelError as error:
        logging.getLogger(job.rule).error("%s", error)
        _record_failure(record, job.rule, wildcards, str(error), log_path)
        sys.exit(1)
    except BaseException as error:
        logging.getLogger(job.rule).error("%s", traceback.format_exc())
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        _record_failure(record, job.rule, wildcards, reason, log_path)
        raise
    record.unlink(missing_ok=True)


class _Masking(logging.Formatter):
    """Leaves passwords out, also of tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _record_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """A file's name for each job: + stands in no wildcard, so none is another's; - does."""
    return "+".join([rule, *wildcards.values()]).replace("/", "+") + ".json"


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(f"stopped by {signal.Signals(number).name}")


def _record_failure(path: Path, rule: str, wildcards: Mapping[str, str], reason: str, log_path: Path) -> None:
    tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    content = {
        "rule": rule,
        "run": wildcards.get("run", ""),
        "study": wildcards.get("study", ""),
        "clip": wildcards.get("clip", ""),
        "method": wildcards.get("method", ""),
        "sample": wildcards.get("sample", ""),
        "reason": masked(readable(reason)),
        "log_tail": "\n".join(tail),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(path, content)
