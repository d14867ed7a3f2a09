"""List every trained part with what it took (rule `trained`)."""

from typing import TYPE_CHECKING

from onereel.files import read_json, write_json
from onereel.joblog import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    write_json(job.output[0], {str(path): read_json(path) for path in job.input})


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
