"""Render the clips of a set of known edits (rule `known_edits_SET`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.edits import write_clips
from onereel.project import layout
from onereel.scenes.world import EditSet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    asked = EditSet.model_validate(job.params.asked)
    write_clips(asked, job.params.clips, Path(layout.CLIPS), terminal_progress)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
