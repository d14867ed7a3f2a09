"""Where a command's samples go, and in which formats: a folder of them, or one film that was named as a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.outputs import Result, write_result
from onereel.video.clip import Clip, write, write_preview
from onereel.video.films import at_height, write_gif

_FILMS = (".gif", ".mp4", ".mkv")
_OTHERS = (".mov", ".avi", ".webm", ".webp", ".m4v", ".apng", ".png")
_SHOWN = 6  # names in a line of the table


@dataclass(frozen=True)
class Place:
    """Where samples go. Whatever is asked for, a sample is stored without loss (``.mkv``) with its record (``.json``).

    Attributes:
        folder: where files lie.
        name: of the one film that was asked for; None: samples are named by their seeds.
        gif: whether there is a ``.gif`` beside each.
        height: pixels of what people watch, the ``.mp4`` and the ``.gif``; None: as the method made it.
    """

    folder: Path
    name: str | None = None
    gif: bool = False
    height: int | None = None

    @classmethod
    def of(cls, out: Path, *, gif: bool = False, height: int | None = None) -> "Place":
        """What ``--out`` means: a folder, or ``NAME.gif``, ``NAME.mp4`` or ``NAME.mkv`` for one film.

        Raises: ConfigError for a film in another format.
        """
        suffix = out.suffix.lower()
        if out.is_dir() or suffix not in (*_FILMS, *_OTHERS):
            return cls(out, None, gif, height)
        if suffix in _OTHERS:
            remedy = f"name it {out.stem}.gif or {out.stem}.mp4 (a lossless .mkv lies beside it), or name a folder"
            raise ConfigError(f"--out '{out}'", f"{suffix} is not written", remedy)
        return cls(out.parent, out.stem, gif or suffix == ".gif", height)

    @property
    def run(self) -> str:
        """What records call the run."""
        return self.folder.name if self.name is None else self.name

    @property
    def models(self) -> Path:
        """Folder of trained parts, where nobody named one."""
        return self.folder / ("models" if self.name is None else f"{self.name}-models")

    def count(self, asked: int | None) -> int:
        """How many samples: as asked; else 3 in a folder, or the one that a file is.

        Raises: ConfigError for several samples in one file.
        """
        if self.name is not None and asked not in (None, 1):
            remedy = "say --samples 1, or name a folder, with --gif for GIFs"
            raise ConfigError(f"--samples {asked}", f"'{self.name}' is one film", remedy)
        return asked or (3 if self.name is None else 1)

    def result(self, seed: int) -> Result:
        """The files of a sample."""
        suffixes = (".mkv", ".mp4", *((".gif",) if self.gif else ()))
        return Result("sample", self.folder, str(seed) if self.name is None else self.name, suffixes)

    def write(self, seed: int, sample: Clip, record: Mapping[str, Any]) -> Path:
        """Write all files of a sample, or none; return the lossless one."""
        watched = at_height(sample, self.height)
        writers: dict[str, Callable[[Path], None]] = {
            ".mkv": lambda path: write(path, sample),
            ".mp4": lambda path: write_preview(path, watched),
            ".gif": lambda path: write_gif(path, watched),
        }
        result = self.result(seed)
        write_result(result, record, writers)
        return result.paths[0]


def where_results_lie(
    place: Place,
    seeds: Sequence[int],
    size: tuple[int, int, int],
    fps: float,
    models: Path | None,
    reference: str | None,
) -> Iterator[str]:
    """A short table: what was made, in which files, and what may come next.

    Args:
        place: where samples went.
        seeds: of all.
        size: (T, H, W) of the last one.
        fps: frames per second of the last one.
        models: folder of trained parts; None where nothing was trained.
        reference: what they were made from; None: nothing.
    """
    results = [place.result(seed) for seed in seeds]
    frames, height, width = size
    watched = f", {place.height} pixels high" if place.height else ""
    rows = [
        ("made", f"{len(results)} of {frames} frames, {width}x{height}, {fps:g} fps"),
        ("lossless", _names(results, ".mkv")),
        (f"to watch{watched}", _names(results, ".mp4")),
        *([("GIF", _names(results, ".gif"))] if place.gif else []),
        ("how", f"{_names(results, '.json')} (seed, settings, versions, seconds)"),
        *([("trained", f"{models} (used again by --models {models})")] if models else []),
    ]
    if reference:
        samples = place.folder if place.name is None else results[0].paths[0]
        rows.append(("measure", f"onereel evaluate --reference '{reference}' --samples '{samples}' --out metrics.json"))
    width = max(len(name) for name, _ in rows)
    yield from (f"{name:{width}}  {text}" for name, text in rows)


def _names(results: Sequence[Result], suffix: str) -> str:
    """Paths of all, as far as a line has room: the folder is said once."""
    names = [f"{result.name}{suffix}" for result in results]
    told = names if len(names) <= _SHOWN else [*names[: _SHOWN - 2], "...", names[-1]]
    return str(results[0].folder / ", ".join(told))
