"""Damaged files of every kind through the product's own readers: each is read, or refused in one line.

    python benchmarks/fuzz.py KIND... [--count 1000] [--seed 0] [--workers 2] [--keep FOLDER]

KIND is a target (``--list`` names them), a group of them (movies, sheets, tensors, records) or ``all``. Every case
starts from a valid file made on the spot, is damaged (bits, bytes, blocks, lengths; texts also in characters, cells and
encodings; JSON, YAML and tensors also in what they hold) and read in another process, under limits of time and memory.
Everything follows from target, seed and number of the case; ``--first N --count 1`` is case N again.

Printed per target as a table's row: cases, read, refused, and what must not happen: a refusal of more than 910
characters (WORDY), an exception that is none of ours (TRACEBACK), a damaged cache that was believed (WRONG), a program
started by what a file holds (CODE), more than ``--memory`` MiB (MEMORY), a dead process (CRASH), no answer in
``--seconds`` (HANG). Such cases are kept in ``--keep``, and each kind of finding is printed once. Exit code 1 if there
is one.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from fuzzing import media, records, sheets, tensors
from fuzzing.runner import BAD, READ, REFUSED, Limits, Result, run
from fuzzing.target import Target

GROUPS = {
    "movies": media.TARGETS,
    "sheets": sheets.TARGETS,
    "tensors": tensors.TARGETS,
    "records": records.TARGETS,
}
TARGETS = {target.name: target for group in GROUPS.values() for target in group}


def main() -> None:
    """Run what the command line names; print a row for each target, and the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--count", type=int, default=1000, help="cases of every target")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes that read at once")
    parser.add_argument("--seconds", type=float, default=60, help="limit of a case")
    parser.add_argument("--memory", type=int, default=3000, help="limit of a case in MiB, beyond the process's own")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder of cases that failed")
    options = parser.parse_args()
    if options.list:
        for name, group in GROUPS.items():
            print(f"{name}: {' '.join(target.name for target in group)}")
        return
    cases = range(options.first, options.first + options.count)
    limits = Limits(options.seconds, options.memory)
    print("| target | cases | read | refused | bad | seconds |\n| --- | --- | --- | --- | --- | --- |")
    found = []
    for target in _chosen(options.kinds, parser):
        start = time.monotonic()
        place = {"seed": options.seed, "workers": options.workers, "limits": limits, "keep": options.keep}
        results = list(run(target, cases, **place))
        print(_row(target.name, results, time.monotonic() - start), flush=True)
        found += [(target.name, result) for result in results if result.outcome in BAD]
    _print_findings(found)
    sys.exit(1 if found else 0)


def _chosen(kinds: list[str], parser: argparse.ArgumentParser) -> list[Target]:
    known = {**{name: [target] for name, target in TARGETS.items()}, **GROUPS, "all": list(TARGETS.values())}
    if not kinds or any(kind not in known for kind in kinds):
        parser.error(f"choose KINDs from {', '.join(known)}")
    return list({target.name: target for kind in kinds for target in known[kind]}.values())


def _row(name: str, results: list[Result], seconds: float) -> str:
    counts = Counter(result.outcome for result in results)
    bad = ", ".join(f"{counts[outcome]} {outcome}" for outcome in BAD if counts[outcome]) or "0"
    return f"| {name} | {len(results)} | {counts[READ]} | {counts[REFUSED]} | {bad} | {seconds:.0f} |"


def _print_findings(found: list[tuple[str, Result]]) -> None:
    """One line for each kind of finding: how often, the first case, what."""
    kinds: dict[tuple[str, str], list[Result]] = {}
    for name, result in found:
        kinds.setdefault((name, result.kind), []).append(result)
    for (name, kind), results in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"\n{len(results)} x {name}, first case {results[0].index}: {kind}\n    {results[0].how}")


if __name__ == "__main__":
    main()
