"""Seconds to export known edits and to judge outputs, and what the judge makes of outputs made from the truth.

Example::

    python benchmarks/edits.py --export 200 --judge 128
    python benchmarks/edits.py --calibration 12        # edits of every kind; prints the rows of docs/results.md

Kernels are compiled and networks loaded before the clock starts.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

from onereel.metrics.edits import EXTERNALS, Judge, externals, read_edits_config, reader_accuracy, summary_of
from onereel.metrics.edits.benchmark import export_benchmark
from onereel.scenes.world import EDITS, EditSet

COLUMNS = ("attribute", "others_kept", "psnr_outside", "ssim_outside", "psnr_truth", "ssim_truth", "motion", "success")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--export", type=int, default=0, help="edits to export")
    parser.add_argument("--judge", type=int, default=0, help="outputs to judge")
    parser.add_argument("--calibration", type=int, default=0, help="edits of every kind, for every external")
    settings = parser.parse_args()
    judge = Judge(thresholds=read_edits_config().thresholds)
    warm = list(EditSet(number=1, kinds=EDITS[:1]).edits())
    judge.judge(judge.questions(warm), [edit.answer for edit in warm])
    if settings.export:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            made = export_benchmark(some(settings.export), Path(folder) / "known")
            print(f"export of {len(made.answers)} edits: {time.perf_counter() - start:.1f} s")
    if settings.judge:
        edits = list(some(settings.judge).edits())
        start = time.perf_counter()
        found = judge.judge(judge.questions(edits), [edit.answer for edit in edits])
        print(f"judging {len(found)} outputs, with their answers: {time.perf_counter() - start:.1f} s")
    if settings.calibration:
        calibrate(judge, settings.calibration)


def some(count: int) -> EditSet:
    """At least so many edits, of as many kinds as there are."""
    return EditSet(number=math.ceil(count / len(EDITS)))


def calibrate(judge: Judge, each: int) -> None:
    """Print a row for every external, and what the classifiers read off the true edits."""
    edits = list(EditSet(number=each).edits())
    questions = judge.questions(edits)
    print("| output | " + " | ".join(COLUMNS) + " |")
    for name in EXTERNALS:
        row = summary_of(judge.judge(questions, externals(edits, name)))["all"]
        print(f"| {name} | " + " | ".join(f"{row[column]:.3g}" for column in COLUMNS) + " |")
    print(", ".join(f"{name} {value:.3f}" for name, value in reader_accuracy(questions).items()))


if __name__ == "__main__":
    main()
