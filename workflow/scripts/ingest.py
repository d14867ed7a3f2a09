"""Turn a source into a clip (rule `ingest`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.ingest import ingest, write_clip
from onereel.joblog import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    row = job.params.row
    clip, manifest = ingest(
        row["source"],
        name=row["name"],
        start=row["start"],
        end=row["end"],
        fps=row["fps"],
        height=row["height"],
    )
    manifest |= {"caption": row["caption"] or manifest.get("caption", ""), "licence": row["licence"]}
    write_clip(Path(job.output.clip).parent, row["name"], clip, manifest)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
