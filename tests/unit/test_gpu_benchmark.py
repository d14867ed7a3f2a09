"""`benchmarks/gpu.py` where there is no GPU: each section runs, and none that fails takes others along."""

import csv
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def measure(out: Path, *arguments: str, prepare: str = "") -> tuple[int, str, list[dict[str, str]]]:
    """Exit code, what was printed, and the rows."""
    started = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); sys.argv[1:] = sys.argv[1:]; {prepare}"
    code = f"{started}\nimport gpu\ngpu.main()"
    command = [sys.executable, "-c", code, "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    with out.open(newline="", encoding="utf-8") as stream:
        return done.returncode, done.stdout, list(csv.DictReader(stream, delimiter="\t"))


def test_every_section_measures_something(tmp_path):
    code, said, rows = measure(tmp_path / "gpu.tsv", "--toy")
    assert code == 0, said
    assert {row["section"] for row in rows} == {"vgpnn", "gans", "sinfusion", "ivs", "dreamix", "gen1", "sampling"}
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert {row["variant"] for row in rows if row["what"].startswith("a step")} == {"default", "bfloat16"}
    assert next(row["note"] for row in rows if row["variant"] == "torch") == "100.000% as numba"
    assert said.rstrip().splitlines()[-len(rows) - 1].split() == list(rows[0])


_SECTIONS = """
import os, time
import gpu_sections as all

def of(work):
    def measured(device, toy):
        yield all.Row(work, "before", seconds=1)
        exec(work)
        yield all.Row(work, "after", seconds=1)
    return measured

works = ("raise ValueError('of \\\\n this')", "os.kill(os.getpid(), 9)", "time.sleep(60)", "pass")
limits = (99, 99, 2, 99)  # seconds: only who sleeps is to be stopped
all.SECTIONS = [all.Section(work, of(work), limit) for work, limit in zip(works, limits)]
all.SECTIONS.append(all.Section("x", of("pass"), 9, ("no_package",)))
"""


def test_what_goes_wrong_stays_in_its_section(tmp_path):
    code, _, rows = measure(tmp_path / "gpu.tsv", "--device", "cpu", prepare=_SECTIONS)
    assert code == 1
    assert [(row["what"], row["note"]) for row in rows] == [
        ("before", ""),
        ("failed", "ValueError: of this"),
        ("before", ""),
        ("failed", "ended by signal 9"),
        ("before", ""),
        ("stopped", "its 2 s were over"),
        ("before", ""),
        ("after", ""),
        ("left out", "needs the package no_package"),
    ]
