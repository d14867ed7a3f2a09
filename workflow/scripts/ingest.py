"""Turn a source into a clip (rule `ingest`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from onereel.base.joblog import job_log
from onereel.ingest import ingest, write_clip
from onereel.project.clips import read_clip_sheet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    row = job.params.row
    clip, manifest = ingest(
        whole_source(row),
        name=row["name"],
        start=row["start"],
        end=row["end"],
        fps=row["fps"],
        height=row["height"],
    )
    manifest |= {"caption": row["caption"] or manifest.get("caption", ""), "licence": row["licence"]}
    write_clip(Path(job.output.clip).parent, row["name"], clip, manifest)


def whole_source(row: dict[str, Any]) -> str:
    """The source; an address whose password is not among the parameters, from the sheet."""
    return read_clip_sheet(row["sheet"])[row["name"]].source if "sheet" in row else row["source"]


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
