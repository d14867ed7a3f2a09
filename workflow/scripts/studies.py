"""List every study with its means (rule `studies`)."""

from typing import TYPE_CHECKING

from onereel.files import write_json
from onereel.joblog import job_log
from onereel.report.records import StudySummary, require_record

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    records = [require_record(path, StudySummary) for path in job.input]
    write_json(job.output[0], {record["study"]: record["summary"] for record in records})


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
