"""Predict the held-out frames of a clip and measure them (rule `study`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.clip import read
from onereel.devices import claimed_device
from onereel.features.flow import resolve_flow
from onereel.joblog import job_log
from onereel.methods import load_method
from onereel.progress import terminal_progress
from onereel.sampling import Request, use_threads
from onereel.studies.conduct import conduct, write_study
from onereel.studies.sheet import StudyRow

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    row = StudyRow.restore(job.params.study)
    method = load_method(row.method)
    with claimed_device(job.resources.gpu) as device:
        study = conduct(
            method,
            Request(**job.params.request),
            [row.seed + index for index in range(row.samples)],
            read(job.input.clip),
            row.split,
            method.Config.model_validate(job.params.config),
            weights={part: Path(path) for part, path in zip(job.params.weights, job.input.weights, strict=True)},
            flow=resolve_flow(job.params.flow, device=device),
            networks=job.params.flow,
            device=device,
            progress=terminal_progress,
        )
    write_study(Path(job.output.record), Path(job.output.films), {"study": row.study, "clip": row.clip}, study)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
