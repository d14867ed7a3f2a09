"""Measure an editor's outputs against the right answers (rule `judge_edits`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel import ingest
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.edits import drawn_outputs, judge_editor
from onereel.jobs.sampling import use_threads
from onereel.scenes.world import EditSet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    folders = [Path(path) for path in job.input.outputs]
    judge_editor(
        job.wildcards.editor,
        ingest.discover(job.params.source) if job.params.source else drawn_outputs(folders),
        EditSet.model_validate(job.params.asked),
        job.params.align,
        films=Path(job.output.films),
        out=Path(job.output.scores),
        progress=terminal_progress,
        preset=job.params.preset,
    )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
