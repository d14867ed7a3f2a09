"""Take over one of somebody else's samples, without loss (rule `import_sample`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel import ingest
from onereel.base.filenames import readable
from onereel.base.joblog import job_log
from onereel.jobs.sampling import write_sample

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    clip = ingest.load(job.params.source)
    record = {
        **job.params.row,
        "seed": job.wildcards.sample,
        "name": readable(job.params.row["name"]),
        "source": readable(Path(job.params.source).name),
        "size": list(clip.size),
        "fps": str(clip.fps),
        "seconds": None,
        "peak_memory_mb": None,
    }
    write_sample(Path(job.output.clip).parent, job.wildcards.sample, clip, record)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
