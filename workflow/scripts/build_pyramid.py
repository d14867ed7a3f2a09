"""Build a clip's space-time pyramid (rule `build_pyramid`)."""

from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.video import pyramid
from onereel.video.clip import read, to_video

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    ladder = pyramid.Ladder.parse(job.wildcards.ladder)
    pyramid.save(job.output[0], pyramid.build(to_video(read(job.input.clip).frames), ladder))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
