"""``onereel benchmark ...``"""

from pathlib import Path
from typing import Annotated

import typer

from onereel.cli import options

app = typer.Typer(help="Known edits: videos whose right edits are known, for any editor.", no_args_is_help=True)


@app.command("export")
@options.example("onereel benchmark export known_edits")
def benchmark_export(
    folder: Annotated[Path, typer.Argument(help="Folder to make: videos, masks, prompts, answers, manifest.")],
    kinds: Annotated[str | None, typer.Option(help="Kinds of edits, comma-separated.")] = None,
    number: Annotated[int | None, typer.Option(help="Edits of every kind.")] = None,
    first: Annotated[
        int | None, typer.Option(help="Seed of the first; below 10000000 to tune an editor, from there on to report.")
    ] = None,
    sources: Annotated[
        str | None, typer.Option(help="own: a source for every edit; shared: one for the edits of a seed.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="FRAMESxHEIGHTxWIDTH; classifiers know 16x64x64.")] = None,
) -> None:
    """Write known edits for editors that use none of our code; what is not named is as in config/edits.yaml."""
    from onereel.base.progress import terminal_progress
    from onereel.cli.benchmark import edit_set
    from onereel.metrics.edits.benchmark import export_benchmark

    settings = edit_set(kinds=kinds, number=number, first=first, sources=sources, size=size)
    manifest = export_benchmark(settings, folder, progress=terminal_progress)
    typer.echo(f"{folder}: {len(manifest.answers)} edits; put one video for each into {folder / 'outputs'}")


@app.command("score")
@options.example("onereel benchmark score known_edits/outputs --out scores/")
def benchmark_score(
    outputs: Annotated[
        list[Path], typer.Argument(help="Folder of videos named as the edits; several for several editors.")
    ],
    benchmark: Annotated[
        Path | None, typer.Option(help="The exported folder, where it is not the one that holds the outputs.")
    ] = None,
    align: Annotated[str, typer.Option(help="Outputs of another size: crop (in time), resize, crop+resize.")] = "",
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Also measure outputs made from the truth; takes nine times as long.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for scores.json and the tables.")] = None,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Measure an editor's outputs against the right answers, and say which are missing."""
    from onereel.cli.benchmark import score_outputs

    score_outputs(
        outputs,
        benchmark=benchmark,
        align=align,
        calibration=calibration,
        out=out,
        device=device,
        overwrite=overwrite,
        say=typer.echo,
    )


@app.command("thresholds")
def benchmark_thresholds(
    number: Annotated[int, typer.Option(min=1, help="Edits of every kind to choose on.")] = 12,
    device: options.Device = "auto",
) -> None:
    """Choose the thresholds of success anew, on seeds that nothing is reported of, and print them."""
    from onereel.base.devices import resolve_device
    from onereel.base.progress import terminal_progress
    from onereel.metrics.edits import Judge, choose_thresholds
    from onereel.scenes.world import EditSet

    chosen = choose_thresholds(
        Judge(device=resolve_device(device)), EditSet(number=number, first=0), progress=terminal_progress
    )
    typer.echo("thresholds:\n" + "\n".join(f"  {name}: {value}" for name, value in chosen.model_dump().items()))


@app.command("import")
@options.example("onereel benchmark import loveu loveu-tgve-2023/")
def benchmark_import(
    kind: Annotated[str, typer.Argument(help="loveu (LOVEU-TGVE), v2vbench, five (FiVE) or davis.")],
    folder: Annotated[Path, typer.Argument(help="Where the benchmark was unpacked, as it is published.")],
    out: Annotated[
        Path | None, typer.Option(help="Sheet of edits to write (.csv); edits.csv in the folder without it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a sheet that is there.")] = False,
) -> None:
    """Make a sheet of edits of a public benchmark, for `onereel evaluate --sheet`."""
    from onereel.cli.layouts import import_benchmark

    import_benchmark(kind, folder, out or folder / "edits.csv", overwrite=overwrite, say=typer.echo)


@app.command("layout")
@options.example("onereel benchmark layout v2vbench known_edits/edits.csv as_v2vbench/")
def benchmark_layout(
    kind: Annotated[str, typer.Argument(help="loveu (LOVEU-TGVE), v2vbench, five (FiVE) or davis.")],
    sheet: Annotated[Path, typer.Argument(help="Sheet of edits, as `onereel benchmark export` and `import` write it.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
) -> None:
    """Write edits in the layout of a public benchmark, for editors that read no other."""
    from onereel.cli.layouts import write_benchmark

    write_benchmark(kind, sheet, folder, say=typer.echo)


@app.command("learn")
@options.example("onereel benchmark learn --number 8 --preset fast")
def benchmark_learn(
    strengths: Annotated[str, typer.Option(help="Strengths to try.")] = "0.4,0.6,0.75,0.85,0.95,1",
    tunings: Annotated[str, typer.Option(help="Fine-tunings to try, steps:alpha.")] = "0,64:1,200:0.65,300:0.35,300:0",
    preset: Annotated[str, typer.Option(help="Preset of dreamix: all that is not tried.")] = "fast",
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Over the preset.")] = None,
    number: Annotated[int, typer.Option(min=1, help="Sources, each with an edit of every kind.")] = 8,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first; below 10000000.")] = 0,
    work: Annotated[Path, typer.Option(help="Folder for what is made on the way; a kill costs little.")] = Path(
        "results/automatic/dreamix"
    ),
    out: Annotated[Path | None, typer.Option(help="JSON file; by default where `strength=auto` reads it.")] = None,
    device: options.Device = "auto",
) -> None:
    """Learn Dreamix's `strength=auto`: the best strength, steps and alpha for every kind of edit, by truth."""
    from onereel.cli.learn import learn

    if out is not None:
        options.expect_suffix(out, ".json")
    learn(
        strengths=strengths,
        tunings=tunings,
        preset=preset,
        settings=settings or [],
        number=number,
        first=first,
        work=work,
        out=out,
        device=device,
        say=typer.echo,
    )


@app.command("prompts")
@options.example('onereel benchmark prompts "scene:world?seed=3" --out edits.csv')
def benchmark_prompts(
    clip: Annotated[str, typer.Argument(help="A world (scene:world?seed=…), or with --captioner any clip.")],
    out: Annotated[Path, typer.Option(help="Sheet of edits to write (.csv).")],
    captioner: Annotated[
        str, typer.Option(metavar="NAME", help="Captioner of transformers: a folder or a name on the hub.")
    ] = "",
    writer: Annotated[
        str, typer.Option(metavar="NAME", help="Language model of transformers: a folder or a name on the hub.")
    ] = "",
    kinds: Annotated[str | None, typer.Option(help="Kinds of edits, comma-separated; all without it.")] = None,
    device: options.Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a sheet that is there.")] = False,
) -> None:
    """Propose edits of a clip: by rule of a world, else by a captioner and a language model, as Gen-1's were made."""
    from onereel.base.devices import resolve_device
    from onereel.cli.layouts import propose_prompts

    propose_prompts(
        clip,
        captioner=captioner,
        writer=writer,
        kinds=kinds,
        out=out,
        device=str(resolve_device(device)),
        overwrite=overwrite,
        say=typer.echo,
    )
