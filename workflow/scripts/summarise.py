"""One mean per run and metric, for `dvc metrics` and `dvc plots` (rule `summarise`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from onereel.base.files import atomic_path, json_number, write_json
from onereel.base.joblog import job_log
from onereel.report.load.records import Summary, require_record

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    results = [require_record(path, Summary) for path in job.input]
    means = {result["run"]: _means(result["summary"]) for result in results}
    write_json(job.output.means, means)
    rows = [{"run": r["run"], "clip": r["clip"], "method": r["method"], **means[r["run"]]} for r in results]
    with atomic_path(job.output.runs) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


def _means(summary: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    return {metric: json_number(cell["mean"]) for metric, cell in summary.items()}


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
