"""What Snakemake's console shows of a run, and what a dry run says of a cluster."""

import logging
from types import SimpleNamespace

from onereel.project.console import QuietFilter, Requests, shorten_console, summary


def record(event: str | None = None, level: int = logging.INFO, text: str = "", **about) -> logging.LogRecord:
    made = logging.LogRecord("snakemake.logging", level, "", 0, text, (), None)
    made.__dict__.update(about, **({"event": SimpleNamespace(name=event)} if event else {}))
    return made


def test_a_job_is_one_line_and_errors_and_progress_pass():
    said = []
    quiet = QuietFilter(said.append)
    train = {"clip": "water", "method": "sinfusion", "part": "predictor"}
    assert not quiet.filter(record("JOB_INFO", rule_name="train", wildcards=train))
    assert said == ["train water sinfusion predictor"]
    for kept in (
        record("JOB_ERROR", logging.ERROR),
        record("PROGRESS", done=1, total=2),
        record(level=logging.ERROR, text="Select jobs to execute failed"),
        record(text="Complete log(s): x"),
    ):
        assert quiet.filter(kept)
    for dropped in (record("JOB_FINISHED"), record(text="Select jobs to execute..."), record(text="Execute 3 jobs...")):
        assert not quiet.filter(dropped)
    assert len(said) == 1


def test_the_log_file_keeps_everything(tmp_path):
    logger = logging.Logger("test")
    console, file = logging.StreamHandler(), logging.FileHandler(tmp_path / "log")
    logger.addHandler(console)
    logger.addHandler(file)
    shorten_console(logger)
    assert len(console.filters) == 1
    assert not file.filters


def test_requests_are_counted_by_what_they_ask_for():
    asked = Requests(lambda rule: rule == "report")
    for rule, threads, gpu in [("train", 2, 1), ("sample", 1, 1), ("sample", 1, 1), ("sample", 2, 0), ("report", 1, 0)]:
        resources = {"mem_mb": 4000, "runtime": 30, "gpu": gpu, "disk_mb": 5}
        assert asked.filter(record("JOB_INFO", rule_name=rule, threads=threads, resources=resources))
    asked.filter(record("PROGRESS"))
    assert [line.split() for line in asked.table()] == [
        ["rule", "jobs", "cpus", "mem_mb", "minutes", "gpu"],
        ["sample", "2", "1", "4000", "30", "1"],
        ["sample", "1", "2", "4000", "30", "0"],
        ["train", "1", "2", "4000", "30", "1"],
    ]


def test_many_runs_are_counted_and_few_are_listed():
    rows = [(f"run{index}", "clip", "vgpnn", "fast", 3) for index in range(30)]
    assert list(summary(rows)) == ["30 runs, 90 samples"]
    assert [line.split() for line in summary(rows[:1])][1] == ["run0", "clip", "vgpnn", "fast", "3"]
