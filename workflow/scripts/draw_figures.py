"""Draw the trade-offs that a table hides (rule `draw_figures`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.joblog import job_log
from onereel.outputs import list_folder
from onereel.report.figures import write_figures, write_horizon_figure
from onereel.report.project import load_project
from onereel.report.studies import load_studies
from onereel.runs import RunRow
from onereel.studies.hold_out import Kind
from onereel.studies.sheet import StudyRow

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    project = load_project(Path(), runs=[RunRow.restore(row) for row in job.params.runs], clips=job.params.clips)
    folder = Path(job.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    write_figures(project, folder)
    studies = load_studies(Path(), [StudyRow.restore(row) for row in job.params.studies])
    if Kind.PREDICTION in studies.kinds:
        write_horizon_figure(studies.project(Kind.PREDICTION), folder)
    list_folder(folder)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
