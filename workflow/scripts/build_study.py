"""Build the folder of a study with people, and its key (rule `build_study`)."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.jobs.studies import film_loader, there
from onereel.report.user_study.build import build_study, comparisons
from onereel.scenes.world import EditSet
from onereel.studies.design import Design
from onereel.studies.items import restore_subjects
from onereel.studies.power import plan_text

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    design = Design.model_validate(job.params.design)
    subjects, missing = there(restore_subjects(job.params.subjects))
    for path in missing:
        logging.getLogger("onereel").warning("no film '%s': left out", path)
    edits = EditSet.model_validate(job.params.edits) if job.params.edits else None
    page, key = Path(job.output.page), Path(job.output.key)
    made = build_study(design, subjects, film_loader(edits), out_dir=page, key=key)
    for line in plan_text(design, *comparisons(made)):
        logging.getLogger("onereel").info(line)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
