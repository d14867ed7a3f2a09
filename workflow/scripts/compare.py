"""Compare editors, or runs, beyond one set of known edits (rule `compare`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel import ingest
from onereel.base.joblog import job_log
from onereel.jobs.edits import drawn_outputs, read_scores
from onereel.jobs.sampling import use_threads
from onereel.project.comparisons import read_comparison
from onereel.report.comparisons import ComparedRun, Material, write_comparison
from onereel.scenes.world import EditSet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    folders: dict[str, list[Path]] = {}
    for path in map(Path, job.input.outputs):
        folders.setdefault(path.parent.name, []).append(path)
    material = Material(
        scores={Path(path).stem: read_scores(Path(path)).editors[Path(path).stem] for path in job.input.scores},
        calibration=[read_scores(Path(path)) for path in job.input.calibration],
        outputs={
            editor: ingest.discover(source) if source else drawn_outputs(folders.get(editor, []))
            for editor, source in job.params.sources.items()
        },
        sets={editor: EditSet.model_validate(asked) for editor, asked in job.params.sets.items()},
        runs=[ComparedRun.restore(run) for run in job.params.runs],
    )
    write_comparison(read_comparison(Path(job.input.description)), material, Path(job.output[0]))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
