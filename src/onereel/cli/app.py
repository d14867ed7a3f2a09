"""``onereel``: one clip on the command line, without the workflow; the workflow's scripts call the same functions."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from onereel import __version__
from onereel.base.errors import ConfigError, explained
from onereel.base.stopping import stop_on_sigterm
from onereel.cli import options
from onereel.cli.edit import edit_command
from onereel.cli.options import example

app = typer.Typer(
    name="onereel",
    help="One reel in, a comparison out: single-video generators and editors, and the metrics of their papers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
weights_app = typer.Typer(help="Extractor weights: what may be downloaded, from where, under which licence.")
scenes_app = typer.Typer(help="Procedural videos with exact depth, flow, masks and captions.")
benchmark_app = typer.Typer(help="Known edits: videos whose right edits are known, for any editor.")
study_app = typer.Typer(help="Studies with people: a folder to publish, and what its answers say.")
app.add_typer(weights_app, name="weights", no_args_is_help=True)
app.add_typer(scenes_app, name="scenes", no_args_is_help=True)
app.add_typer(benchmark_app, name="benchmark", no_args_is_help=True)
app.add_typer(study_app, name="study", no_args_is_help=True)


def main() -> None:
    """Entry point: 0 on success, 1 for bad input or a full disk (one line on stderr), 2 for a command line that makes
    no sense, 128 and the signal's number for a training that was stopped.
    """
    for stream in (sys.stdout, sys.stderr):
        # Names of files may hold bytes that are no text, and terminals may know ASCII alone.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    stop_on_sigterm()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a full disk can still be said in one line
    except Exception as error:
        if (told := explained(error)) is None:
            raise
        print(f"onereel: {told}", file=sys.stderr)
        sys.exit(told.exit_code)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    logging.basicConfig(level=logging.WARNING, format="onereel: %(message)s")
    logging.getLogger("onereel.estimates").setLevel(logging.INFO)  # what a training will take, before it starts
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command("init")
@example("onereel init holiday.mov --start 1.5s --end 4s --method vgpnn --method sinfusion")
def init_command(
    sources: Annotated[
        list[str], typer.Argument(help="Your clips: videos, GIFs, folders of numbered images, http(s) URLs.")
    ],
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="What to run on every clip; repeatable. vgpnn without it.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Of every method; fast without it.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Of every method and clip.")] = 3,
    start: Annotated[str | None, typer.Option(help="First frame (12) or time (0.5s, 1:02).")] = None,
    end: Annotated[
        str | None, typer.Option(help="Frame or time to stop before; 4 s of a longer one without it.")
    ] = None,
    fps: Annotated[str | None, typer.Option(help="Frames per second; every frame without it.")] = None,
    height: Annotated[
        int | None, typer.Option(help="Height in pixels; at most 144 without it, 72 where a method trains.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Root of onereel's repository.")] = Path(),
) -> None:
    """Start a project with your own clips: config.yaml and sheets with a comment for every column."""
    from onereel.cli.init import start_project

    start_project(
        sources,
        methods=methods or ["vgpnn"],
        preset=preset,
        samples=samples,
        start=start,
        end=end,
        fps=fps,
        height=height,
        folder=folder,
        say=typer.echo,
    )


@app.command("ingest")
@example("onereel ingest holiday.mov clip.mkv --start 1.5s --end 4s --fps 12 --height 144")
def ingest_command(
    source: Annotated[str, typer.Argument(help="Video, GIF, folder of numbered images, http(s) URL or scene:NAME.")],
    out: Annotated[
        Path, typer.Argument(help="Lossless clip to write (.mkv); a preview .mp4 and a .json lie beside it.")
    ],
    start: Annotated[str | None, typer.Option(help="First frame (12) or time (0.5s, 1:02).")] = None,
    end: Annotated[str | None, typer.Option(help="Frame or time to stop before.")] = None,
    fps: Annotated[str | None, typer.Option(help="Frames per second; every decoded frame is kept without it.")] = None,
    height: Annotated[int | None, typer.Option(help="Height in pixels; the aspect ratio stays.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Turn a source into a clip: lossless RGB, trimmed, resampled, upright."""
    from onereel import ingest
    from onereel.base.outputs import Result, check_outputs
    from onereel.base.progress import terminal_progress

    _expect_suffix(out, ".mkv")
    check_outputs([Result("clip", out.parent, out.stem)], [source], overwrite=overwrite)
    clip, manifest = ingest.ingest(
        source, name=out.stem, start=start, end=end, fps=fps, height=height, progress=terminal_progress
    )
    ingest.write_frames("clip", out.parent, out.stem, clip, manifest)
    for note in manifest["notes"]:
        typer.echo(note)
    frames, height_, width = clip.size
    typer.echo(f"{out}: {frames} frames, {width}x{height_}, {float(clip.fps):.3f} fps")


@app.command()
@example("onereel generate clip.mkv --method vgpnn --preset paper --samples 3 --set noise_amplitude=2 --out samples/")
def generate(
    method: Annotated[str, typer.Option(help="Method by name.")],
    out: options.Out,
    clip: Annotated[
        str | None,
        typer.Argument(help="A clip, or any source that `onereel ingest` takes; none where the task needs none."),
    ] = None,
    task: Annotated[str, typer.Option(help="What to ask of the method.")] = "generate",
    preset: options.Preset = "demo",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    settings: options.Settings = None,
    device: options.Device = "auto",
    prompt: Annotated[str, typer.Option(help="Text of a text-driven task.")] = "",
    inputs: options.Inputs = None,
    models: options.Models = None,
    overwrite: options.Overwrite = False,
    training_seed: options.TrainingSeed = 0,
    weights: options.Weights = "auto",
    gif: options.Gif = False,
    height: options.Height = None,
) -> None:
    """Train what the method needs and draw samples."""
    from onereel.cli.generate import generate_samples

    generate_samples(
        clip,
        out,
        method=method,
        task=task,
        preset=preset,
        samples=samples,
        seed=seed,
        settings=settings or [],
        device=device,
        prompt=prompt,
        inputs=inputs or [],
        report=typer.echo,
        models=models,
        overwrite=overwrite,
        training_seed=training_seed,
        weights=weights,
        gif=gif,
        height=height,
    )


app.command("edit")(edit_command)


@app.command()
@example(
    "onereel evaluate --reference clip.mp4 --samples their_outputs/ --align crop+resize --out m.json\n"
    '  onereel evaluate --source clip.mp4 --edits theirs/ --prompt "a red kite" --source-prompt "a kite" --out m.json\n'
    "  onereel evaluate --sheet edits.csv --edits their_outputs/ --edits our_outputs/ --out m.json"
)
def evaluate(
    out: Annotated[Path, typer.Option(help="JSON file for every value and the summary; of edits a .csv lies beside.")],
    reference: Annotated[
        str | None, typer.Option(help="The input clip of --samples, or any source that `onereel ingest` takes.")
    ] = None,
    samples: Annotated[
        Path | None, typer.Option(help="Folder of videos, of folders of numbered images, or one of either.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="The clip that was edited, for --edits.")] = None,
    edits: Annotated[
        list[Path] | None, typer.Option(help="Folder of edits of --source, or of an editor's outputs for --sheet.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Sheet of many edits: `onereel benchmark export` and `import` write them.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics (of edits: measures), comma-separated; all without it.")
    ] = None,
    align: Annotated[
        str, typer.Option(help="Samples of another size: crop (in time), resize, crop+resize, keep (not for edits).")
    ] = "",
    prompt: Annotated[str, typer.Option(help="What the samples or edits should show.")] = "",
    source_prompt: Annotated[str, typer.Option(help="What --source shows.")] = "",
    mask: Annotated[
        str | None, typer.Option(help="Video or picture, white where --source may change; black must stay as it is.")
    ] = None,
    motion_changes: Annotated[
        bool, typer.Option("--motion-changes", help="The edit is to change how things move, or what moves.")
    ] = False,
    flow_of: Annotated[
        Literal["source", "sample"], typer.Option(help="Whose motion the warp error of --samples follows.")
    ] = "sample",
    weights: Annotated[
        Literal["auto", "real", "stand-in"], typer.Option(help="Extractors: real where fetched, or insist.")
    ] = "auto",
    extractor: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NAME", help="Weights by name for a role of --edits: flow=raft-world; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Measure samples against the clip that they were made from, or edits by the measures of the field."""
    _expect_suffix(out, ".json")
    if edits:
        from onereel.cli.evaluate import evaluate_edits

        if reference is not None or samples is not None:
            raise ConfigError("evaluate", "is asked for samples and edits at once", "name --samples or --edits")
        evaluate_edits(
            source=source,
            sheet=sheet,
            edits=edits,
            prompt=prompt,
            source_prompt=source_prompt,
            mask=mask,
            moves=motion_changes,
            out=out,
            measures=metrics,
            align=align,
            weights=weights,
            extractors=extractor or [],
            device=device,
            overwrite=overwrite,
            say=typer.echo,
        )
        return
    if reference is None or samples is None:
        problem = "needs --reference with --samples, or --source (or --sheet) with --edits"
        raise ConfigError("evaluate", problem, "name what was made, and of what")
    from onereel.cli.evaluate import evaluate_samples

    evaluate_samples(
        reference,
        samples,
        out,
        metrics=metrics,
        weights=weights,
        align=align,
        prompt=prompt,
        flow_of=flow_of,
        device=device,
        overwrite=overwrite,
        say=typer.echo,
    )


@app.command("methods")
@example("onereel methods vgpnn --task inpaint")
def methods_command(
    name: Annotated[str | None, typer.Argument(help="A method; all in a few words without it.")] = None,
    task: Annotated[str | None, typer.Option(help="Only what this task reads.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same for programs.")] = False,
) -> None:
    """Methods, their tasks, presets, inputs and settings: what each means, its unit and its default."""
    from onereel.cli.methods import show_methods

    show_methods(name, task, as_json=as_json, say=typer.echo)


@weights_app.command("list")
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


@weights_app.command("fetch")
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


@weights_app.command("verify")
def weights_verify(names: Annotated[list[str] | None, typer.Argument(help="Entries; all without it.")] = None) -> None:
    """Check what is here against config/weights.yaml; exit code 1 if a file is damaged."""
    from onereel.weights.store import Weights

    checks = [check for name in names or ["all"] for check in Weights().verify(name)]
    for check in checks:
        typer.echo(f"{check.name} {check.part}: {check.state}  {check.detail}".rstrip())
    if any(check.state == "damaged" for check in checks):
        raise typer.Exit(1)


@weights_app.command("adopt")
@example("onereel weights adopt clip-world results/stand_ins/clip-world")
def weights_adopt(
    name: Annotated[str, typer.Argument(help="A stand-in, as `snakemake stand_ins` trains it.")],
    folder: Annotated[Path, typer.Argument(help="Folder with its model.safetensors, scores.json and card.md.")],
) -> None:
    """Ship a trained stand-in: weights and card go to config/stand_ins, the checksum to config/weights.yaml."""
    from onereel.standins import adopt

    typer.echo(f"{name}: {adopt(name, folder)}")


@scenes_app.command("render")
@example('onereel scenes render "balloons?seed=3&frames=24&height=144&width=256" balloons.mkv')
def scenes_render(
    scene: Annotated[str, typer.Argument(help="NAME or NAME?seed=…&frames=…&height=…&width=…&fps=….")],
    out: Annotated[
        Path, typer.Argument(help="Lossless clip to write (.mkv); preview, manifest and truth lie beside it.")
    ],
    overwrite: options.Overwrite = False,
) -> None:
    """Render a scene; depth, flow, occlusion and masks go to OUT.npz."""
    import numpy as np

    from onereel import scenes
    from onereel.base.outputs import Result, check_outputs, write_result
    from onereel.video import clip as clips

    _expect_suffix(out, ".mkv")
    result = Result("clip", out.parent, out.stem, (".mkv", ".mp4", ".npz"))
    check_outputs([result], [], overwrite=overwrite)
    made = scenes.render_spec(scene)
    clip = clips.Clip(made.frames, made.fps)
    manifest = {"name": out.stem, "source": f"scene:{scene.removeprefix('scene:')}", "caption": made.caption}
    truth: dict[str, Any] = {f"mask_{name}": mask for name, mask in made.masks.items()}
    truth |= {"depth": made.depth, "flow": made.flow, "occluded": made.occluded}
    writers: dict[str, Callable[[Path], None]] = {
        ".mkv": lambda path: clips.write(path, clip),
        ".mp4": lambda path: clips.write_preview(path, clip),
        ".npz": lambda path: np.savez_compressed(path, **truth),
    }
    write_result(result, {**manifest, "attributes": made.attributes}, writers)
    typer.echo(f"{out}: {made.caption}")


@scenes_app.command("sheet")
@example("onereel scenes sheet world.png --what edits --seed 7")
def scenes_sheet(
    out: Annotated[Path, typer.Argument(help="Picture to write (.png).")],
    what: Annotated[
        str, typer.Option(help="Of the scene `world`: seeds, kinds, styles, edits (with masks) or truth.")
    ] = "seeds",
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    count: Annotated[int, typer.Option(help="Worlds, for seeds and truth.")] = 24,
    height: Annotated[int, typer.Option(help="Pixels of a picture.")] = 128,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 6,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a contact sheet of many worlds with their captions; what it shows is said in a .json beside it."""
    from onereel.base.outputs import Result, check_outputs, write_result
    from onereel.scenes.world.sheet import sheet

    _expect_suffix(out, ".png")
    result = Result("sheet", out.parent, out.stem, (".png",))
    check_outputs([result], [], overwrite=overwrite)
    asked = {"what": what, "seed": seed, "count": count, "height": height, "columns": columns}
    page = sheet(what, seed=seed, count=count, height=height, columns=columns)
    write_result(result, asked, {".png": lambda path: page.save(path, format="PNG", optimize=True)})
    typer.echo(f"{out}: {page.width}x{page.height}")


@scenes_app.command("list")
def scenes_list() -> None:
    """Names of the scenes."""
    from onereel.scenes import scene_names

    typer.echo("\n".join(scene_names()))


@benchmark_app.command("export")
@example("onereel benchmark export known_edits")
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


@benchmark_app.command("score")
@example("onereel benchmark score known_edits/outputs --out scores/")
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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
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


@benchmark_app.command("thresholds")
def benchmark_thresholds(
    number: Annotated[int, typer.Option(min=1, help="Edits of every kind to choose on.")] = 12,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
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


@study_app.command("build")
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


@study_app.command("power")
@example("onereel study power demo_pairs --difference 5")
def study_power(
    study: Annotated[str, typer.Argument(help="Name of a study of config/studies.tsv.")],
    difference: Annotated[float, typer.Option(min=0.1, max=50, help="Points of 100 that are to be told.")] = 10.0,
    config: Annotated[Path | None, typer.Option(help="Configuration; else config/config.yaml.")] = None,
) -> None:
    """Say how many raters and items a difference needs, before anybody is asked; no samples have to be there."""
    from onereel.cli.study import power

    power(study, difference=difference, config=config, say=typer.echo)


@study_app.command("preview")
@example("onereel study preview demo_pairs")
def study_preview(
    study: Annotated[str, typer.Argument(help="A study that was built, or its folder.")],
    show: Annotated[bool, typer.Option("--open/--print", help="Open a browser, or print the address alone.")] = True,
) -> None:
    """Look at a study as raters see it; what is answered is marked and never counts."""
    from onereel.cli.study import preview

    preview(study, say=typer.echo, opened=show)


@study_app.command("collect")
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


@study_app.command("report")
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


@study_app.command("simulate")
@example("onereel study simulate demo_pairs --worth vgpnn=0.5 --out simulated.csv")
def study_simulate(
    study: Annotated[str, typer.Argument(help="A study that was built, or its key (.json).")],
    out: Annotated[Path, typer.Option(help="CSV file for the answers.")],
    raters: Annotated[int, typer.Option(min=1, max=5000, help="How many.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of what they answer.")] = 0,
    worth: Annotated[
        list[str] | None, typer.Option(metavar="METHOD=NUMBER", help="Log odds against one of 0; repeatable.")
    ] = None,
    careless: Annotated[float, typer.Option(min=0, max=1, help="Share that presses anything.")] = 0.1,
) -> None:
    """Answer a study with raters that a computer plays, and that are named so, to try it before people do."""
    from onereel.cli.study import play

    play(study, raters=raters, seed=seed, worth=worth or [], careless=careless, out=out, say=typer.echo)


@benchmark_app.command("import")
@example("onereel benchmark import loveu loveu-tgve-2023/")
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


@benchmark_app.command("layout")
@example("onereel benchmark layout v2vbench known_edits/edits.csv as_v2vbench/")
def benchmark_layout(
    kind: Annotated[str, typer.Argument(help="loveu (LOVEU-TGVE), v2vbench, five (FiVE) or davis.")],
    sheet: Annotated[Path, typer.Argument(help="Sheet of edits, as `onereel benchmark export` and `import` write it.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
) -> None:
    """Write edits in the layout of a public benchmark, for editors that read no other."""
    from onereel.cli.layouts import write_benchmark

    write_benchmark(kind, sheet, folder, say=typer.echo)


@benchmark_app.command("learn")
@example("onereel benchmark learn --number 8 --preset fast")
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
    out: Annotated[Path, typer.Option(help="Where `strength=auto` reads it.")] = Path("config/automatic/dreamix.json"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Learn Dreamix's `strength=auto`: the best strength, steps and alpha for every kind of edit, by truth."""
    from onereel.cli.learn import learn

    _expect_suffix(out, ".json")
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


@app.command("pack")
@example("onereel pack results/report report.html")
def pack_command(
    report: Annotated[Path, typer.Argument(help="Folder of a report.")],
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is no packed report.")] = False,
) -> None:
    """Make one HTML file of a report, to be mailed: with its players and previews, without lossless videos."""
    from onereel.report.page.pack import pack

    _expect_suffix(out, ".html")
    size = pack(report, out, overwrite=overwrite)
    typer.echo(f"{out}: {size / 2**20:.1f} MB")


def _expect_suffix(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise ConfigError(f"'{path}'", f"is no {suffix} file", f"name it {path.stem}{suffix}")
