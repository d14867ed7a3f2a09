"""Store the known frames of a clip as a clip (rule `hold_out`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.heldout.hold_out import HoldOut, known_clip
from onereel.ingest import write_frames
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    split = HoldOut.restore(job.params.split)
    known = known_clip(read(job.input.clip), split)
    manifest = {
        "name": job.wildcards.clip,
        "source": f"{split.tag} of {job.params.source}",
        "size": list(known.size),
        "fps": str(known.fps),
    }
    write_frames("clip", Path(job.output.clip).parent, job.wildcards.clip, known, manifest)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
