"""``onereel study ...``"""

from pathlib import Path
from typing import Annotated

import typer

from onereel.cli import options
from onereel.cli.options import example
from onereel.studies.simulate import CARELESS

app = typer.Typer(help="Studies with people: a folder to publish, and what its answers say.", no_args_is_help=True)


@app.command("build")
@example("onereel study build demo_pairs")
def study_build(
    study: Annotated[str, typer.Argument(help="Name of a study of config/studies.tsv.")],
    out: Annotated[Path | None, typer.Option(help="Folder to publish; else results/studies/pages/STUDY.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="File for what raters must not see; else results/studies/keys/STUDY.json.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration; else config/config.yaml.")] = None,
) -> None:
    """Write a study of the project's samples: a folder that opens anywhere, its key outside, and what it can find."""
    from onereel.cli.study import build

    build(study, out=out, key=key, config=config, say=typer.echo)


@app.command("power")
@example("onereel study power demo_pairs --difference 5")
def study_power(
    study: Annotated[str, typer.Argument(help="Name of a study of config/studies.tsv.")],
    difference: Annotated[float, typer.Option(min=0.1, max=50, help="Points of 100 that are to be told.")] = 10.0,
    config: Annotated[Path | None, typer.Option(help="Configuration; else config/config.yaml.")] = None,
) -> None:
    """Say how many raters and items a difference needs, before anybody is asked; no samples have to be there."""
    from onereel.cli.study import power

    power(study, difference=difference, config=config, say=typer.echo)


@app.command("preview")
@example("onereel study preview demo_pairs")
def study_preview(
    study: Annotated[str, typer.Argument(help="A study that was built, or its folder.")],
    show: Annotated[bool, typer.Option("--open/--print", help="Open a browser, or print the address alone.")] = True,
) -> None:
    """Look at a study as raters see it; what is answered is marked and never counts."""
    from onereel.cli.study import preview

    preview(study, say=typer.echo, opened=show)


@app.command("collect")
@example("onereel study collect downloads/ batch_results.csv prolific_export.csv --study demo_pairs --out answers.csv")
def study_collect(
    files: Annotated[
        list[Path], typer.Argument(help="Our JSON and CSV, MTurk's batch results, Prolific's export; folders of them.")
    ],
    study: Annotated[str, typer.Option(help="A study that was built, or its key (.json).")],
    out: Annotated[Path, typer.Option(help="CSV file for all answers that can be counted.")],
    overwrite: options.Overwrite = False,
) -> None:
    """Put answers together; what is damaged, changed, doubled or another study's is left out and said."""
    from onereel.cli.study import gather

    gather(files, key=study, out=out, overwrite=overwrite, say=typer.echo)


@app.command("report")
@example("onereel study report answers.csv --study demo_pairs --out study_results/")
def study_report(
    files: Annotated[list[Path], typer.Argument(help="What `onereel study collect` takes, or wrote.")],
    study: Annotated[str, typer.Option(help="A study that was built, or its key (.json).")],
    out: Annotated[Path | None, typer.Option(help="Folder for the tables, results.json and results.html.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Say what raters think, with and without those whom the study's rules exclude, beside published values."""
    from onereel.cli.study import report

    report(files, key=study, out=out, overwrite=overwrite, say=typer.echo)


@app.command("simulate")
@example("onereel study simulate demo_pairs --worth vgpnn=0.5 --out simulated.csv")
def study_simulate(
    study: Annotated[str, typer.Argument(help="A study that was built, or its key (.json).")],
    out: Annotated[Path, typer.Option(help="CSV file for the answers.")],
    raters: Annotated[int, typer.Option(min=1, max=5000, help="How many.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of what they answer.")] = 0,
    worth: Annotated[
        list[str] | None, typer.Option(metavar="METHOD=NUMBER", help="Log odds against one of 0; repeatable.")
    ] = None,
    careless: Annotated[float, typer.Option(min=0, max=1, help="Share that presses anything.")] = CARELESS,
) -> None:
    """Answer a study with raters that a computer plays, and that are named so, to try it before people do."""
    from onereel.cli.study import play

    play(study, raters=raters, seed=seed, worth=worth or [], careless=careless, out=out, say=typer.echo)
