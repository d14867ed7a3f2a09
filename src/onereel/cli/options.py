"""Options that several commands have, and how their help shows an example."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer

from onereel.base.errors import ConfigError

Out: TypeAlias = Annotated[
    Path,
    typer.Option(
        help="Folder for SEED.mkv (lossless), SEED.mp4 and SEED.json; or NAME.gif, NAME.mp4 or NAME.mkv for one film, "
        "beside which NAME.mkv and NAME.json lie, too."
    ),
]
Preset: TypeAlias = Annotated[str, typer.Option(help="demo, fast, paper, or another preset of the method.")]
Samples: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="How many; 3 in a folder without it, 1 where --out is a file.")
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of the first sample; the next ones count up.")]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value over the preset (`onereel methods NAME` has all); repeatable."),
]
Device: TypeAlias = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Inputs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--input", help="ROLE=clip:SOURCE, ROLE=FILE or ROLE=FOLDER for tasks that need more; repeatable."),
]
Models: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Folder for trained models, to be used by further commands; else OUT/models."),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace files of onereel's own even where they were changed since.")
]
TrainingSeed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of the training, apart from that of samples.")]
Weights: TypeAlias = Annotated[
    Literal["auto", "real", "stand-in"], typer.Option(help="Pretrained networks: real where fetched, or insist.")
]
Gif: TypeAlias = Annotated[bool, typer.Option("--gif", help="Write a GIF beside every sample.")]
Height: TypeAlias = Annotated[
    int | None,
    typer.Option(min=16, max=4320, help="Pixels of the .mp4 and the .gif, enlarged; the .mkv stays as it was made."),
]


def example(text: str) -> Callable[..., Any]:
    """Append an example to a command's help, kept as it is laid out."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        command.__doc__ = f"{function.__doc__}\n\n\b\nExample:\n  {text}"
        return command

    return add


def expect_suffix(path: Path, suffix: str) -> None:
    """Refuse a file of another suffix.

    Raises: ConfigError with a name that would do.
    """
    if path.suffix != suffix:
        raise ConfigError(f"'{path}'", f"is no {suffix} file", f"name it {path.stem}{suffix}")
