"""Draw one sample of a run (rule `sample`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.inputs import read_inputs, resolve_backbones
from onereel.jobs.sampling import SampleRequest, draw, use_threads, write_sample
from onereel.methods import Job, Task, load_method

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    request = SampleRequest(**job.params.request)
    method = load_method(request.method)
    config = method.Config.model_validate(job.params.config)
    inputs = read_inputs(**job.params.inputs)
    backbones = resolve_backbones(method, Task(request.task), config, job.params.weights)
    with claimed_device(job.resources.gpu) as device:
        models = {part: Path(path) for part, path in zip(job.params.parts, job.input.models, strict=True)}
        place = Job(device, models=models, backbones=backbones, progress=terminal_progress)
        sample, record = draw(method, request, inputs, config, place)
    write_sample(Path(job.output.clip).parent, job.wildcards.sample, sample, record)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
