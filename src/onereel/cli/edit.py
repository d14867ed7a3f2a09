"""``onereel edit``: a clip edited by a prompt, which is `onereel generate` for editing tasks."""

from typing import Annotated

import typer

from onereel.cli import options
from onereel.cli.options import example


@example('onereel edit clip.mkv "a red balloon over the sea" --method text_to_video --preset fast --out balloon.gif')
def edit_command(
    source: Annotated[str, typer.Argument(help="A clip, or any source that `onereel ingest` takes.")],
    prompt: Annotated[str, typer.Argument(help="What the edited video should show, whole: no instruction.")],
    method: Annotated[str, typer.Option(help="Editor by name.")],
    out: options.Out,
    task: Annotated[
        str | None,
        typer.Option(
            help="edit_text, edit_structure, edit_masked, ...; the first that reads what is given without it."
        ),
    ] = None,
    preset: options.Preset = "demo",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    settings: options.Settings = None,
    device: options.Device = "auto",
    inputs: options.Inputs = None,
    models: options.Models = None,
    overwrite: options.Overwrite = False,
    training_seed: options.TrainingSeed = 0,
    weights: options.Weights = "auto",
    gif: options.Gif = False,
    height: options.Height = None,
) -> None:
    """Edit a clip as a prompt says: `onereel generate` for editing tasks."""
    from onereel.base.parsing import parse_pairs
    from onereel.cli.generate import generate_samples
    from onereel.jobs.asking import editing_task

    generate_samples(
        source,
        out,
        method=method,
        task=task or editing_task(method, parse_pairs(";".join(inputs or []), "--input")),
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
