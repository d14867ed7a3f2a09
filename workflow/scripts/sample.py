"""Draw one sample of a run (rule `sample`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.sampling import SampleRequest, draw, read_inputs, resolve_networks, use_threads, write_sample
from onereel.methods import Task, load_method

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    request = SampleRequest(**job.params.request)
    method = load_method(request.method)
    config = method.Config.model_validate(job.params.config)
    inputs = read_inputs(
        job.input.clip,
        artefacts=dict(zip(job.params.artefacts, job.input.artefacts, strict=True)),
        clips=dict(zip(job.params.clips, job.input.clips, strict=True)),
        files=job.params.files,
        prompt=request.prompt,
        networks=resolve_networks(method, Task(request.task), config, job.params.networks),
    )
    with claimed_device(job.resources.gpu) as device:
        sample, record = draw(
            method,
            request,
            inputs,
            config,
            weights={part: Path(path) for part, path in zip(job.params.weights, job.input.weights, strict=True)},
            device=device,
            progress=terminal_progress,
        )
    write_sample(Path(job.output.clip).parent, job.wildcards.sample, sample, record)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
