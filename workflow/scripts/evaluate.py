"""Measure the samples of one run against its clip (rule `evaluate`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.base.outputs import Result, write_result
from onereel.jobs.sampling import use_threads
from onereel.metrics.evaluation import evaluate
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    run = job.params.run
    result = evaluate(
        read(str(job.input.reference)) if job.input.reference else None,
        {name: read(path) for name, path in zip(run["samples"], job.input.samples, strict=True)},
        metrics=job.params.metrics,
        weights=job.params.weights,
        align=run["align"],
        prompt=run["prompt"],
        flow_of=run["flow_of"],
        strict=False,  # one list of metrics for all runs, also for those whose samples have another size
        cache=Path(job.params.cache),
    )
    out = Result.metrics(Path(job.output[0]))
    write_result(out, {"run": run["run"], "clip": run["clip"], "method": run["method"], **result}, {})


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
