"""``onereel``: one clip on the command line, without the workflow; the workflow's scripts call the same functions."""

import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from onereel import __version__
from onereel.base.errors import ConfigError, explained
from onereel.base.stopping import stop_on_sigterm

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
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files of onereel's own even where they were changed since.")
]
app.add_typer(weights_app, name="weights", no_args_is_help=True)
app.add_typer(scenes_app, name="scenes", no_args_is_help=True)
app.add_typer(benchmark_app, name="benchmark", no_args_is_help=True)


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


def _example(text: str) -> Callable[..., Any]:
    """Append an example to a command's help, kept as it is laid out."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        command.__doc__ = f"{function.__doc__}\n\n\b\nExample:\n  {text}"
        return command

    return add


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    logging.basicConfig(level=logging.WARNING, format="onereel: %(message)s")
    logging.getLogger("onereel.estimates").setLevel(logging.INFO)  # what a training will take, before it starts
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command("ingest")
@_example("onereel ingest holiday.mov clip.mkv --start 1.5s --end 4s --fps 12 --height 144")
def ingest_command(
    source: Annotated[str, typer.Argument(help="Video, GIF, folder of numbered images, http(s) URL or scene:NAME.")],
    out: Annotated[
        Path, typer.Argument(help="Lossless clip to write (.mkv); a preview .mp4 and a .json lie beside it.")
    ],
    start: Annotated[str | None, typer.Option(help="First frame (12) or time (0.5s, 1:02).")] = None,
    end: Annotated[str | None, typer.Option(help="Frame or time to stop before.")] = None,
    fps: Annotated[str | None, typer.Option(help="Frames per second; every decoded frame is kept without it.")] = None,
    height: Annotated[int | None, typer.Option(help="Height in pixels; the aspect ratio stays.")] = None,
    overwrite: _Overwrite = False,
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
@_example("onereel generate clip.mkv --method vgpnn --preset paper --samples 3 --set noise_amplitude=2 --out samples/")
def generate(
    method: Annotated[str, typer.Option(help="Method by name.")],
    out: Annotated[Path, typer.Option(help="Folder for SEED.mkv, SEED.mp4 and SEED.json.")],
    clip: Annotated[
        str | None,
        typer.Argument(help="A clip, or any source that `onereel ingest` takes; none where the task needs none."),
    ] = None,
    task: Annotated[str, typer.Option(help="What to ask of the method.")] = "generate",
    preset: Annotated[str, typer.Option(help="demo, fast, paper, or another preset of the method.")] = "demo",
    samples: Annotated[int, typer.Option(min=1, help="How many samples.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first sample; the next ones count up.")] = 0,
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value over the preset; repeatable.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    prompt: Annotated[str, typer.Option(help="Text of a text-driven task.")] = "",
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", help="ROLE=clip:SOURCE, ROLE=FILE or ROLE=FOLDER for tasks that need more; repeatable."
        ),
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder for trained models, to be used by further commands; else OUT/models.")
    ] = None,
    overwrite: _Overwrite = False,
    training_seed: Annotated[int, typer.Option(min=0, help="Seed of the training, apart from that of samples.")] = 0,
    weights: Annotated[
        Literal["auto", "real", "stand-in"], typer.Option(help="Pretrained networks: real where fetched, or insist.")
    ] = "auto",
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
    )


@app.command()
@_example("onereel evaluate --reference clip.mp4 --samples their_outputs/ --align crop+resize --out m.json")
def evaluate(
    reference: Annotated[str, typer.Option(help="The input clip, or any source that `onereel ingest` takes.")],
    samples: Annotated[Path, typer.Option(help="Folder of videos, of folders of numbered images, or one of either.")],
    out: Annotated[Path, typer.Option(help="JSON file for every value and the summary.")],
    metrics: Annotated[str | None, typer.Option(help="Metrics, comma-separated; all without it.")] = None,
    align: Annotated[
        str, typer.Option(help="Samples of another size: crop (in time), resize, crop+resize, keep.")
    ] = "",
    prompt: Annotated[str, typer.Option(help="What the samples should show, for prompt consistency.")] = "",
    flow_of: Annotated[
        Literal["source", "sample"], typer.Option(help="Whose motion the warp error follows: source for edits.")
    ] = "sample",
    weights: Annotated[
        Literal["auto", "real", "stand-in"], typer.Option(help="Extractors: real where fetched, or insist.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: _Overwrite = False,
) -> None:
    """Measure samples, yours or ours, against the clip that they were made from."""
    from onereel import ingest
    from onereel.base.devices import resolve_device
    from onereel.base.outputs import Result, check_outputs, write_result
    from onereel.base.progress import terminal_progress
    from onereel.metrics.evaluation import evaluate as measure
    from onereel.metrics.evaluation import format_summary

    _expect_suffix(out, ".json")
    found = ingest.find_samples(samples)
    read: list[Path | str] = [reference, *found.samples.values()]
    check_outputs([Result.metrics(out)], read, overwrite=overwrite)
    typer.echo(found.summary())
    result = measure(
        ingest.load(reference),
        {name: ingest.load(source) for name, source in found.samples.items()},
        metrics=[name.strip() for name in metrics.split(",")] if metrics else None,
        weights=weights,
        align=align,
        prompt=prompt,
        flow_of=flow_of,
        device=resolve_device(device),
        progress=terminal_progress,
    )
    typer.echo(format_summary(result))  # first: the disk may be full
    write_result(Result.metrics(out), result, {})


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
@_example("onereel weights fetch c3d-sports1m inception-v3")
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
@_example("onereel weights adopt clip-world results/stand_ins/clip-world")
def weights_adopt(
    name: Annotated[str, typer.Argument(help="A stand-in, as `snakemake stand_ins` trains it.")],
    folder: Annotated[Path, typer.Argument(help="Folder with its model.safetensors, scores.json and card.md.")],
) -> None:
    """Ship a trained stand-in: weights and card go to config/stand_ins, the checksum to config/weights.yaml."""
    from onereel.standins import adopt

    typer.echo(f"{name}: {adopt(name, folder)}")


@scenes_app.command("render")
@_example('onereel scenes render "balloons?seed=3&frames=24&height=144&width=256" balloons.mkv')
def scenes_render(
    scene: Annotated[str, typer.Argument(help="NAME or NAME?seed=…&frames=…&height=…&width=…&fps=….")],
    out: Annotated[
        Path, typer.Argument(help="Lossless clip to write (.mkv); preview, manifest and truth lie beside it.")
    ],
    overwrite: _Overwrite = False,
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
@_example("onereel scenes sheet world.png --what edits --seed 7")
def scenes_sheet(
    out: Annotated[Path, typer.Argument(help="Picture to write (.png).")],
    what: Annotated[
        str, typer.Option(help="Of the scene `world`: seeds, kinds, styles, edits (with masks) or truth.")
    ] = "seeds",
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    count: Annotated[int, typer.Option(help="Worlds, for seeds and truth.")] = 24,
    height: Annotated[int, typer.Option(help="Pixels of a picture.")] = 128,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 6,
    overwrite: _Overwrite = False,
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
@_example("onereel benchmark export known_edits")
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
@_example("onereel benchmark score known_edits/outputs --out scores/")
def benchmark_score(
    outputs: Annotated[
        list[Path], typer.Argument(help="Folder of videos named as the edits; several for several editors.")
    ],
    benchmark: Annotated[
        Path | None, typer.Option(help="The exported folder, where it is not the one that holds the outputs.")
    ] = None,
    align: Annotated[str, typer.Option(help="Outputs of another size: crop (in time), resize, crop+resize.")] = "",
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Also measure outputs made from the truth; takes eight times as long.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for scores.json and the tables.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: _Overwrite = False,
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


@benchmark_app.command("learn")
@_example("onereel benchmark learn --number 8 --preset fast")
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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Learn Dreamix's `strength=auto`: the best strength, steps and alpha for every kind of edit, by truth."""
    from onereel.cli.learn import learn

    if out is not None:
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


def _expect_suffix(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise ConfigError(f"'{path}'", f"is no {suffix} file", f"name it {path.stem}{suffix}")
