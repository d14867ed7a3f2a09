"""``onereel study``: build a study of the project's samples, look at it, collect answers, report them."""

import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from onereel.base.errors import ConfigError
from onereel.base.files import check_target, write_text
from onereel.base.names import did_you_mean
from onereel.base.progress import terminal_progress
from onereel.jobs.studies import film_loader, there
from onereel.project import layout, plan
from onereel.project.config import read_config
from onereel.project.plan import Plan
from onereel.report.tables.formats import to_markdown
from onereel.report.user_study.build import build_study, comparisons
from onereel.report.user_study.published import read_published
from onereel.report.user_study.results import check_results, result_tables, told, write_results
from onereel.studies.analysis import analyse
from onereel.studies.answers import to_csv
from onereel.studies.collect import Collected, collect
from onereel.studies.design import Design
from onereel.studies.items import REGULAR, Subject, make_items
from onereel.studies.key import Key, read_key
from onereel.studies.power import plan_text
from onereel.studies.simulate import TIES, Crowd, simulate, worth_of

Say = Callable[[str], None]
_CONFIG = Path("config/config.yaml")


def build(study: str, *, out: Path | None, key: Path | None, config: Path | None, say: Say) -> None:
    """Write the folder of a study of the sheet, and say what it can find.

    Raises: OnereelError for a study that is not there, or whose samples are not.
    """
    project = _project(config)
    design, subjects = _study(project, study)
    found, missing = there(subjects)
    if missing:
        say(f"{len(missing)} films are missing (first '{missing[0]}'): run `snakemake studies`, or go on without")
    edits = project.edit_sets.get(project.studies[study].edits) if project.studies[study].edits else None
    out, key = out or layout.study_page(study), key or layout.study_key(study)
    made = build_study(design, found, film_loader(edits), out_dir=out, key=key, progress=terminal_progress)
    items, shared = comparisons(made)
    say(
        f"{out}: {items} items, {len(made.items) - items} to practise and check, {len(made.slots)} orders; id {made.id}"
    )
    say(f"{key}: the key; keep it, and publish only {out}")
    for line in plan_text(design, items, shared):
        say(line)


def power(study: str, *, difference: float, config: Path | None, say: Say) -> None:
    """Say how many raters and items a study needs; no sample has to be there.

    Raises: OnereelError for a study that is not there.
    """
    design, subjects = _study(_project(config), study)
    regular = [item for item in make_items(design, subjects) if item.role == REGULAR]
    for line in plan_text(design, len(regular), len({item.methods for item in regular}), difference):
        say(line)


def preview(study: str, *, say: Say, opened: bool = True) -> None:
    """Open a study that was built, marked as a preview.

    Raises: ConfigError for one that is not there.
    """
    named = Path(study)
    folder = named if (named / "index.html").is_file() else layout.study_page(study)
    if not (folder / "index.html").is_file():
        raise ConfigError(f"study '{study}'", "is not built", f"run `onereel study build {study}`, or name a folder")
    address = f"{(folder / 'index.html').resolve().as_uri()}?preview=1"
    say(address)
    if opened and not webbrowser.open(address):
        say("no browser could be opened: open the address in one")


def gather(files: Sequence[Path], *, key: str, out: Path, overwrite: bool, say: Say) -> None:
    """Read answers and write those that count as one CSV.

    Raises: OnereelError for files that are not there, and an output that is.
    """
    check_target(out)
    if out.exists() and not overwrite:
        raise ConfigError(f"'{out}'", "exists", "name another output, or say --overwrite")
    collected = _collected(files, _key(key), say)
    write_text(out, to_csv(collected.sessions))
    say(f"{out}: {len(collected.sessions)} raters")


def report(files: Sequence[Path], *, key: str, out: Path | None, overwrite: bool, say: Say) -> None:
    """Print what a study found, and write all tables.

    Raises: OnereelError for files that are not there, and an output that somebody else wrote.
    """
    found = _key(key)
    collected = _collected(files, found, say)
    if not collected.sessions:
        raise ConfigError("answers", "hold no rater that can be counted", "see what was refused, and why")
    analysis = analyse(collected.sessions, found)
    if out is not None:
        check_results(found, analysis, out, files, overwrite=overwrite)
    notes = told(found, collected, analysis)
    tables = result_tables(found, analysis, read_published(), notes)
    for table in tables:
        say(to_markdown(table))
    if out is not None:
        write_results(found, collected, analysis, tables, notes, out)
        say(f"{out / 'results.html'}: all tables")


def play(key: str, *, raters: int, seed: int, worth: Sequence[str], careless: float, out: Path, say: Say) -> None:
    """Answer a study with raters that a computer plays, to try it before people do.

    Raises: OnereelError for methods that the study does not have.
    """
    found = _key(key)
    given = worth_of("--worth", found.design.methods, dict(pair.partition("=")[::2] for pair in worth))
    check_target(out)
    crowd = Crowd(given, ties=TIES, careless=careless)
    write_text(out, to_csv(simulate(found, crowd, raters, seed=seed)))
    say(f"{out}: {raters} simulated raters, who are called so")


def _project(config: Path | None) -> Plan:
    path = config or _CONFIG
    values = read_config([path], {})
    names = ("clips", "runs", "heldout", "edits", "studies")
    if not values["studies"]:
        raise ConfigError(f"'{path}'", "names no sheet of studies", "add the line 'studies: config/studies.tsv'")
    return plan.read(Path(), tables=[], metrics=[], **{name: values[name] for name in names})


def _study(project: Plan, study: str) -> tuple[Design, list[Subject]]:
    if study not in project.studies:
        remedy = did_you_mean(study, list(project.studies))
        raise ConfigError(f"study '{study}'", "is not in the sheet of studies", remedy)
    return project.studies[study].design, project.study_subjects(study)


def _key(named: str) -> Key:
    path = Path(named) if named.endswith(".json") else layout.study_key(named)
    return read_key(path)


def _collected(files: Sequence[Path], key: Key, say: Say) -> Collected:
    collected = collect(files, key)
    for line in collected.summary():
        say(line)
    return collected
