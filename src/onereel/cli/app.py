"""``onereel``: one clip on the command line, without the workflow; the workflow's scripts call the same functions."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from onereel import __version__
from onereel.base.errors import ConfigError, explained
from onereel.base.stopping import stop_on_sigterm
from onereel.cli import options
from onereel.cli.edit import edit_command
from onereel.cli.groups import benchmark, scenes, study
from onereel.cli.groups import weights as weights_group
from onereel.cli.options import example

app = typer.Typer(
    name="onereel",
    help="One reel in, a comparison out: single-video generators and editors, and the metrics of their papers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _name, _group in {"weights": weights_group, "scenes": scenes, "benchmark": benchmark, "study": study}.items():
    app.add_typer(_group.app, name=_name, no_args_is_help=True)


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
    logging.getLogger("onereel.progress").setLevel(logging.INFO)
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

    options.expect_suffix(out, ".mkv")
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
    metrics: Annotated[str | None, typer.Option(help="Metrics (of edits: measures), a,b; all without it.")] = None,
    align: Annotated[
        str, typer.Option(help="Samples of another size: crop (in time), resize, crop+resize, keep (not for edits).")
    ] = "",
    prompt: Annotated[str, typer.Option(help="What the samples or edits should show.")] = "",
    source_prompt: Annotated[str, typer.Option(help="What --source shows.")] = "",
    mask: Annotated[str | None, typer.Option(help="Video or picture, white where --source may change.")] = None,
    motion_changes: Annotated[
        bool, typer.Option("--motion-changes", help="The edit is to change how things move, or what moves.")
    ] = False,
    flow_of: Annotated[
        Literal["source", "sample"], typer.Option(help="Whose motion the warp error of --samples follows.")
    ] = "sample",
    weights: options.Weights = "auto",
    extractor: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NAME", help="Weights by name for a role of --edits: flow=raft-world; repeatable."),
    ] = None,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Measure samples against the clip that they were made from, or edits by the measures of the field."""
    options.expect_suffix(out, ".json")
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


@app.command("pack")
@example("onereel pack results/report report.html")
def pack_command(
    report: Annotated[Path, typer.Argument(help="Folder of a report.")],
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is no packed report.")] = False,
) -> None:
    """Make one HTML file of a report, to be mailed: with its players and previews, without lossless videos."""
    from onereel.report.page.pack import pack

    options.expect_suffix(out, ".html")
    size = pack(report, out, overwrite=overwrite)
    typer.echo(f"{out}: {size / 2**20:.1f} MB")
