"""List every trained part with what it took, and put its curves where DVC plots them (rule `trained`)."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.files import write_json
from onereel.base.joblog import job_log
from onereel.report.load.records import require_record

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    write_json(job.output.index, {str(path): require_record(path, dict) for path in job.input.records})
    folder = Path(job.output.curves)
    folder.mkdir(parents=True, exist_ok=True)
    for path in map(Path, job.input.curves):
        clip, method, variant, name = path.parts[-4:]
        shutil.copyfile(path, folder / f"{clip}-{method}-{variant}-{name.removesuffix('.curves.tsv')}.tsv")


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
