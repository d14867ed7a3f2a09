"""What a GPU is for, measured in one go: VGPNN's search, training steps, sampling, edits, memory.

    python benchmarks/gpu.py                           # at most 9 minutes; writes gpu.tsv, and prints it as a table
    python benchmarks/gpu.py --only vgpnn gans --out some.tsv
    python benchmarks/gpu.py --toy                     # seconds on a CPU: whether everything runs, no numbers

It runs where CUDA, torch, numba, triton, scipy, pydantic and safetensors are: no video is decoded, since all clips are
rendered, so that PyAV may be missing, and no weights are read, since how long a network takes does not depend on them.
A section that needs another package says so and is left out. Every section is a process of its own: one that fails, or
takes longer than its share, leaves the others. Rows are written as they come.

Columns: section, what, variant, seconds (median, of the wall, with the device synchronised), the GPU's peak memory in
MiB, and a note. `default` is the same step as PyTorch runs it by default: float32, channels first.
"""

import argparse
import csv
import multiprocessing
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock

if find_spec("pydantic") is None:
    sys.exit("benchmarks/gpu.py needs the package pydantic: pip install pydantic")
if find_spec("av") is None:
    sys.modules["av"] = MagicMock()  # nothing here reads or writes a video

from gpu_sections import SECTIONS, Row, Section

from onereel.base.devices import resolve_device
from onereel.project.console import aligned

HEAD = ("section", "what", "variant", "seconds", "memory_mb", "note")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--minutes", type=float, default=8.5, help="all sections together")
    parser.add_argument("--only", nargs="+", choices=[section.name for section in SECTIONS], metavar="SECTION")
    parser.add_argument("--toy", action="store_true", help="small sizes, for a CPU")
    parser.add_argument("--out", type=Path, default=Path("gpu.tsv"))
    asked = parser.parse_args()
    device = "cpu" if asked.toy else asked.device
    chosen = [section for section in SECTIONS if not asked.only or section.name in asked.only]
    with asked.out.open("w", newline="", encoding="utf-8") as stream:
        _writer(stream).writerow(HEAD)
    end = time.monotonic() + 60 * asked.minutes
    failed = [section.name for section in chosen if not run(section, device, asked.toy, asked.out, end)]
    with asked.out.open(newline="", encoding="utf-8") as stream:
        head, *rows = csv.reader(stream, delimiter="\t")
    print("", *aligned(head, rows), sep="\n")
    sys.exit(f"failed: {', '.join(failed)}" if failed else None)


def run(section: Section, device: str, toy: bool, out: Path, end: float) -> bool:
    """One section in its own process, which a fault of the GPU, or too long a time, ends alone.

    Args:
        section: which.
        device: where; asked for there, since CUDA does not survive a fork.
        toy: small sizes.
        out: where its rows go.
        end: when everything must be over, of the monotonic clock.

    Returns: whether it did not fail; to be left out is no failure.
    """
    if missing := [name for name in section.needs if find_spec(name) is None]:
        _append(out, Row(section.name, "left out", note=f"needs the package {', '.join(missing)}"))
        return True
    seconds = end - time.monotonic()
    if not toy:  # then nobody waits for a number
        seconds = min(seconds, section.seconds)
    if seconds <= 0:
        _append(out, Row(section.name, "left out", note="no time was left"))
        return True
    process = multiprocessing.get_context("fork").Process(target=_measure, args=(section, device, toy, out))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        _append(out, Row(section.name, "stopped", note=f"its {seconds:.0f} s were over"))
        return True
    if process.exitcode is not None and process.exitcode < 0:
        _append(out, Row(section.name, "failed", note=f"ended by signal {-process.exitcode}"))
    return process.exitcode == 0


def _measure(section: Section, device: str, toy: bool, out: Path) -> None:
    """The section's process: a row for each measurement, and one for what went wrong."""
    try:
        for row in section.measure(resolve_device(device), toy):
            _append(out, row)
    except Exception as error:
        _append(out, Row(section.name, "failed", note=" ".join(f"{type(error).__name__}: {error}".split())[:200]))
        raise


def _append(out: Path, row: Row) -> None:
    """Write a row, and print it."""
    cells = [row.section, row.what, row.variant, _number(row.seconds, 4), _number(row.memory_mb, 0), row.note]
    with out.open("a", newline="", encoding="utf-8") as stream:
        _writer(stream).writerow(cells)
    print(*filter(None, cells), sep="  ", flush=True)


def _writer(stream) -> csv.writer:
    return csv.writer(stream, delimiter="\t", lineterminator="\n")


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
