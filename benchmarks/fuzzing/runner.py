"""Cases in worker processes: damage, read, judge; what kills or stops a worker is the case's, not ours."""

import faulthandler
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import torch

from fuzzing.mutations import disturb, mutate
from fuzzing.target import UNSAFE, Target, WrongResultError
from onereel.base.errors import OnereelError

READ, REFUSED = "read", "refused"
BAD = ("WORDY", "TRACEBACK", "WRONG", "CODE", "MEMORY", "CRASH", "HANG")
"""A refusal that nobody reads to its end; an exception that is none of ours; a wrong result; code of the file was run;
more memory than allowed; the process died; the time was over."""
_LONGEST = 910  # characters of a line that people read
_SHARE_DISTURBED = 0.4
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect", "pty.spawn")


@dataclass(frozen=True)
class Limits:
    """What one case may take: seconds, and MiB beyond what the process takes anyway."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Result:
    """What became of one case.

    Attributes:
        index: number of the case.
        outcome: `READ`, `REFUSED` or one of `BAD`.
        how: what was done to which file.
        detail: the refusal, or the traceback.
        seconds: how long the reader took.
    """

    index: int
    outcome: str
    how: str
    detail: str
    seconds: float

    @property
    def kind(self) -> str:
        """What tells findings apart: the exception and the last line of the product that it came through."""
        lines = self.detail.splitlines()
        places = [line.strip().split("/src/")[-1] for line in lines if "/src/onereel/" in line]
        place = places[-1].replace('", line ', ":").split(",")[0] if places else ""
        return f"{self.outcome} {lines[-1][:160] if lines else ''} [{place}]"


def run(target: Target, cases: range, *, seed: int, workers: int, limits: Limits, keep: Path) -> Iterator[Result]:
    """Run the cases; failed ones are kept as ``{keep}/{target}/{index}-{outcome}`` with ``how.txt``.

    Raises: RuntimeError if the target's own valid cases are not read.
    """
    with tempfile.TemporaryDirectory(prefix="onereel-fuzz-") as name, ThreadPoolExecutor(workers) as pool:
        scratch = Path(name)
        (scratch / "valid").mkdir()
        target.make(scratch / "valid")
        shard = partial(_shard, target, seed=seed, valid=scratch / "valid", limits=limits, keep=keep)
        whole = [(0, path.name) for path in sorted((scratch / "valid").iterdir())]
        for (_, only), result in zip(whole, shard(whole, scratch / "whole"), strict=True):
            if result.outcome != (REFUSED if only.startswith(UNSAFE) else READ):
                raise RuntimeError(f"{target.name}: '{only}' as it is: {result.outcome}:\n{result.detail}")
        shares = [[(index, "") for index in cases[worker::workers]] for worker in range(workers)]
        places = [scratch / str(worker) for worker in range(workers)]
        for results in pool.map(lambda share, place: list(shard(share, place)), shares, places):
            yield from results


def _shard(
    target: Target, cases: list[tuple[int, str]], place: Path, *, seed: int, valid: Path, limits: Limits, keep: Path
) -> Iterator[Result]:
    """Cases (number, or the valid one of that name) one after the other, in one process for as long as it lives."""
    place.mkdir()
    worker: _Worker | None = None
    for index, only in cases:
        worker = worker if worker and worker.alive else _Worker(target, seed, valid, place, limits)
        result = worker.ask(index, only)
        if result.outcome in BAD:
            kept = keep / target.name / f"{index}-{result.outcome}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place / "case", kept, symlinks=True)
            (kept / "how.txt").write_text(f"{result.how}\n\n{result.detail}\n", encoding="utf-8", errors="replace")
        if result.outcome == "MEMORY":
            worker.end()
        yield result
    if worker:
        worker.end()


class _Worker:
    """A process that reads cases; `ask` always answers."""

    def __init__(self, target: Target, seed: int, valid: Path, place: Path, limits: Limits) -> None:
        self._seconds, self._stacks = limits.seconds, place / "stacks.txt"
        self._how = place / "how.txt"
        self._pipe, other = multiprocessing.Pipe()
        context: Any = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=_serve, args=(other, target, seed, valid, place, limits.memory), daemon=True
        )
        self._process.start()
        other.close()
        self._pipe.recv()  # ready: imports are no part of a case's time

    @property
    def alive(self) -> bool:
        return bool(self._process.is_alive())

    def ask(self, index: int, only: str) -> Result:
        """Have a case read; when its time is over, or the process dies, say so."""
        start = time.monotonic()
        self._pipe.send((index, only))
        try:
            if self._answers():
                return self._pipe.recv()
            os.kill(self._process.pid, signal.SIGUSR1)  # writes down where it is
            time.sleep(0.5)
            outcome = "HANG"
        except (EOFError, ConnectionResetError):
            outcome = "CRASH"
        self._process.kill()
        self._process.join()
        code = f"exit code {self._process.exitcode}"
        detail = f"{self._stacks.read_text(errors='replace')}\n{code if outcome == 'CRASH' else f'{self._seconds:g} s'}"
        how = self._how.read_text() if self._how.exists() else ""
        return Result(index, outcome, how, detail, time.monotonic() - start)

    def _answers(self) -> bool:
        """Wait for an answer: so many seconds of the process's own time, or five times as many of a busy machine."""
        latest, most = time.monotonic() + 5 * self._seconds, self._used() + self._seconds
        while not self._pipe.poll(1):
            if time.monotonic() > latest or self._used() > most:
                return False
        return True

    def _used(self) -> float:
        """Seconds of processor time that the process has had."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, target: Target, seed: int, valid: Path, place: Path, memory: int) -> None:
    """Read cases until the parent ends."""
    with (place / "stacks.txt").open("w") as stacks, open(os.devnull, "w") as nowhere:  # noqa: PTH123
        faulthandler.enable(stacks)
        faulthandler.register(signal.SIGUSR1, stacks)
        os.dup2(nowhere.fileno(), 1)  # what libraries print of damaged files
        os.dup2(nowhere.fileno(), 2)
        torch.set_num_threads(1)  # the cases themselves run beside each other
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory * 2**20,) * 2)
        sys.addaudithook(_GUARD)
        pipe.send("ready")
        while True:
            index, only = pipe.recv()
            stacks.truncate(0)
            rng = _Plainest() if only else Random(f"{seed}/{target.name}/{index}")
            case = place / "case"
            shutil.rmtree(case, ignore_errors=True)
            how = _prepare(target, rng, valid, case, only)
            (place / "how.txt").write_text(how)
            pipe.send(_judge(target, rng, index, how, case))


def _prepare(target: Target, rng: Random, valid: Path, case: Path, only: str) -> str:
    """Copy a valid case and damage one of its files; return what was done. `only`: leave this case as it is."""
    variants = sorted(valid.iterdir())
    variant = valid / only if only else rng.choice(variants)
    shutil.copytree(variant, case / variant.name)
    if only:
        return "nothing"
    if target.disturbs and rng.random() < _SHARE_DISTURBED:
        return disturb(case / variant.name, rng)
    victims = _files(case / variant.name, target.victims)
    victim = rng.choice(victims)
    others = [path for folder in variants for path in _files(folder, target.victims) if path.suffix == victim.suffix]
    return f"{victim.relative_to(case)}: {mutate(victim, rng, others)}"


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _judge(target: Target, rng: Random, index: int, how: str, case: Path) -> Result:
    (folder,) = case.iterdir()
    start = time.monotonic()
    outcome, detail = READ, ""
    _GUARD.watches, _GUARD.ran = target.inert, ""
    try:
        target.read(folder, rng)
    except OnereelError as error:
        outcome, detail = REFUSED, str(error)
        if len(detail) > _LONGEST or not all((error.where, error.problem, error.remedy)):
            outcome = "WORDY"
    except OSError as error:  # of the system's: every command and job says it in one line
        outcome, detail = (REFUSED, str(error)) if error.errno else ("TRACEBACK", traceback.format_exc())
    except BaseException as error:
        outcome, detail = _name_of(error), traceback.format_exc()
    _GUARD.watches = False
    if _GUARD.ran:
        outcome, detail = "CODE", f"{detail}\n{_GUARD.ran}"
    return Result(index, outcome, how, detail, time.monotonic() - start)


def _name_of(error: BaseException) -> str:
    if isinstance(error, WrongResultError):
        return "WRONG"
    text = str(error).lower()
    return "MEMORY" if isinstance(error, MemoryError) or "allocate memory" in text else "TRACEBACK"


class _Plainest(Random):
    """Decides for the first choice, which every valid case allows."""

    def random(self) -> float:
        """The least."""
        return 0.0

    def choice(self, items: Sequence[Any]) -> Any:
        """The first."""
        return items[0]


class _Guard:
    """An audit hook: nothing that runs a program or calls out may happen while it watches."""

    watches, ran = False, ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watches and event in _FORBIDDEN:
            self.ran = f"{event} {arguments!r}"
            raise RuntimeError(f"{event} is forbidden here")


_GUARD = _Guard()
