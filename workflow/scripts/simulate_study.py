"""Answer a study by raters that a computer plays, and report what they say (rule `simulate_study`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.files import write_text
from onereel.base.joblog import job_log
from onereel.base.outputs import list_folder
from onereel.report.user_study.published import read_published
from onereel.report.user_study.results import result_tables, told, write_results
from onereel.studies.analysis import analyse
from onereel.studies.answers import to_csv
from onereel.studies.collect import collect
from onereel.studies.key import read_key
from onereel.studies.simulate import CARELESS, TIES, Crowd, simulate

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    key, folder = read_key(Path(job.input.key)), Path(job.output[0])
    crowd = Crowd(job.params.worth, ties=TIES if key.design.allow else 0.0, careless=CARELESS)
    write_text(folder / "answers.csv", to_csv(simulate(key, crowd, key.design.raters)))
    collected = collect([folder / "answers.csv"], key)
    analysis = analyse(collected.sessions, key)
    simulated, *others = told(key, collected, analysis)
    notes = [simulated, crowd.told, *others]
    tables = result_tables(key, analysis, read_published(Path(job.input.published)), notes)
    write_results(key, collected, analysis, tables, notes, folder)
    list_folder(folder)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
