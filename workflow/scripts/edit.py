"""Draw an editor's outputs for the known edits of one kind (rule `edit`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.edits import make_edits
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import use_threads
from onereel.methods import Job, Task, load_method

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    first = next(iter(job.params.edits.values()))
    method = load_method(first["request"]["method"])
    config = method.Config.model_validate(first["config"])
    backbones = resolve_backbones(method, Task(first["request"]["task"]), config, job.params.weights)
    with claimed_device(job.resources.gpu) as device:
        place = Job(device, backbones=backbones, progress=terminal_progress)
        make_edits(method, job.params.edits, place, Path(job.output[0]))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
