"""``onereel weights ...``"""

from pathlib import Path
from typing import Annotated

import typer

from onereel.cli.options import example

app = typer.Typer(
    help="Extractor weights: what may be downloaded, from where, under which licence.", no_args_is_help=True
)


@app.command("list")
def weights_list() -> None:
    """Every entry of config/weights.yaml and config/backbones.yaml: for what, whether it is here, size, licence."""
    from onereel.weights.store import Weights

    entries = Weights().list_weights()
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        state = "stand-in" if entry.kind == "stand-in" else "here" if entry.present else "not fetched"
        size = f"{entry.size / 2**20:.0f} MiB" if entry.size else "-"
        note = f"  ({entry.note})" if entry.note else ""
        typer.echo(f"{entry.name:{width}}  {entry.role:16}  {state:11}  {size:>9}  {entry.licence}{note}")


@app.command("fetch")
@example("onereel weights fetch c3d-sports1m inception-v3")
def weights_fetch(
    names: Annotated[list[str], typer.Argument(help="Names from `onereel weights list`.")],
    local: Annotated[
        list[str] | None,
        typer.Option(metavar="[PART=]FILE", help="A file that was downloaded by other means; checked alike."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="A folder with all files of the model, as its publisher names them."
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch even what is here already.")] = False,
) -> None:
    """Download, check against the sha256, keep the tensors as safetensors."""
    from onereel.base.progress import terminal_progress
    from onereel.weights.store import Weights, local_files

    files = local_files(names, local or [], folder)
    for name in names:
        typer.echo(f"{name}: {Weights().fetch(name, local=files, again=again, progress=terminal_progress)}")


@app.command("verify")
def weights_verify(names: Annotated[list[str] | None, typer.Argument(help="Entries; all without it.")] = None) -> None:
    """Check what is here against config/weights.yaml; exit code 1 if a file is damaged."""
    from onereel.weights.store import Weights

    checks = [check for name in names or ["all"] for check in Weights().verify(name)]
    for check in checks:
        typer.echo(f"{check.name} {check.part}: {check.state}  {check.detail}".rstrip())
    if any(check.state == "damaged" for check in checks):
        raise typer.Exit(1)


@app.command("adopt")
@example("onereel weights adopt clip-world results/stand_ins/clip-world")
def weights_adopt(
    name: Annotated[str, typer.Argument(help="A stand-in, as `snakemake stand_ins` trains it.")],
    folder: Annotated[Path, typer.Argument(help="Folder with its model.safetensors, scores.json and card.md.")],
) -> None:
    """Ship a trained stand-in: weights and card go to config/stand_ins, the checksum to config/weights.yaml."""
    from onereel.standins import adopt

    typer.echo(f"{name}: {adopt(name, folder)}")
