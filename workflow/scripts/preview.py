"""Draw what preprocessing made of a clip (rule `preview`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.report.page.previews import preview
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    artefacts = {kind: Path(path) for kind, path in zip(job.params.kinds, job.input.artefacts, strict=True)}
    preview(read(job.input.clip), artefacts, Path(job.output[0]))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
