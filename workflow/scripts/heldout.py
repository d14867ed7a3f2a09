"""List every test with its means (rule `heldout`)."""

from typing import TYPE_CHECKING

from onereel.base.files import write_json
from onereel.base.joblog import job_log
from onereel.report.load.records import HeldOutSummary, require_record

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    records = [require_record(path, HeldOutSummary) for path in job.input]
    write_json(job.output[0], {record["test"]: record["summary"] for record in records})


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
