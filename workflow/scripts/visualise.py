"""Make what the report shows of a clip or of a run's samples (rules `visualise_clip`, `visualise_run`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from onereel.base.joblog import job_log
from onereel.jobs.inputs import read_inputs
from onereel.jobs.sampling import use_threads
from onereel.methods import Task, load_method
from onereel.report.page.visuals import GUIDES, visualise, visualise_guides
from onereel.video.clip import Clip, read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    # A run that needs no clip has none: its samples are shown alone.
    clip = job.params.inputs.get("clip")
    reference = read(clip) if clip else None
    folder = Path(job.output[0])
    if not job.params.samples:
        visualise(reference, None, folder)
        return
    for name, path in zip(job.params.samples, job.input.samples, strict=True):
        sample = read(path)
        if reference is None:
            visualise(sample, None, folder / name)
        else:
            visualise(reference, sample, folder / name)
    if job.params.guided:
        visualise_guides(guides_of(job, **job.params.guided), folder / GUIDES)


def guides_of(job: "Snakemake", method: str, task: str, config: dict[str, Any]) -> dict[str, Clip]:
    """What the run's samples start from besides their clip."""
    guide = load_method(method)
    return dict(guide.guides(Task(task), read_inputs(**job.params.inputs), guide.Config.model_validate(config)))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
