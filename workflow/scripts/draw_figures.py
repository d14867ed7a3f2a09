"""Draw the trade-offs that a table hides (rule `draw_figures`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.base.outputs import list_folder
from onereel.heldout.hold_out import Kind
from onereel.project.heldout import HeldOutRow
from onereel.project.runs import RunRow
from onereel.report.load.heldout import load_heldout
from onereel.report.load.project import load_project
from onereel.report.page.figures import write_figures, write_horizon_figure

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    project = load_project(Path(), runs=[RunRow.restore(row) for row in job.params.runs], clips=job.params.clips)
    folder = Path(job.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    write_figures(project, folder)
    tests = load_heldout(Path(), [HeldOutRow.restore(row) for row in job.params.heldout])
    if Kind.PREDICTION in tests.kinds:
        write_horizon_figure(tests.project(Kind.PREDICTION), folder)
    list_folder(folder)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
