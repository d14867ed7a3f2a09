"""``onereel init``: a project with one's own clips, of which every sheet says what belongs into it."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import onereel
from onereel import ingest
from onereel.base.errors import ConfigError, FileError
from onereel.base.files import write_text
from onereel.base.names import valid_name
from onereel.ingest.download import is_address, without_password
from onereel.ingest.request import parse_request
from onereel.ingest.scene import is_scene
from onereel.methods import Method, Task, load_method, read_method_file
from onereel.project.sheets import config_text, sheet

_SHEETS = ("clips.tsv", "runs.tsv", "heldout.tsv", "edits.tsv", "studies.tsv")
_LONGEST = Fraction(4)  # seconds of a clip that nobody cut; methods of one video learn from 1 to 5
_HEIGHT, _TRAINED_HEIGHT = 144, 72  # pixels where nobody says; training at 144 takes four times as long
_TABLES = ("config/tables/comparison.yaml", "config/tables/applications.yaml")
_COMMENTED: tuple[Mapping[str, str], ...] = (
    {"run": "itself", "clip": "*", "method": "calibration", "preset": "itself"},
    {"run": "noisy", "clip": "*", "method": "calibration", "preset": "noisy"},
    {
        "run": "wide",
        "clip": "*",
        "method": "vgpnn",
        "task": "retarget",
        "preset": "fast",
        "settings": "output_scale=[1, 1, 1.5]",
    },
    {"run": "sinfusion", "clip": "*", "method": "sinfusion", "preset": "fast", "samples": "3"},
    {"run": "singan_gif", "clip": "*", "method": "singan_gif", "preset": "fast", "samples": "3"},
    {"run": "theirs", "clip": "*", "method": "external:THEIRS", "source": "their_outputs/", "align": "crop+resize"},
)


def start_project(
    sources: Sequence[str],
    *,
    methods: Sequence[str],
    preset: str | None,
    samples: int,
    start: str | None,
    end: str | None,
    fps: str | None,
    height: int | None,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Write ``config.yaml`` and the sheets of a project with these clips alone into ``config/``; say what comes next.

    Args:
        sources: videos, animations, folders of numbered pictures, addresses or scenes, one clip each.
        methods: what is run on every clip, by name.
        preset: of all of them; None: `fast`, or the nearest to it that a method has.
        samples: of every run.
        start, end, fps, height: of every clip, as in the clip sheet; None: chosen so that results come in minutes.
        folder: the repository.
        say: called with every line.

    Raises: OnereelError, before anything is written, for a source that cannot be read, a method that there is not, or
        a project that is there already.
    """
    _check_folder(folder)
    chosen = [load_method(name) for name in dict.fromkeys(methods)]
    try:
        parse_request(start, end, fps, height)
    except ValueError as error:
        raise ConfigError("--start, --end, --fps, --height", str(error), "correct it or leave it out") from None
    trains = any(method.parts(task, method.Config()) for method in chosen for task in {Task.GENERATE} & method.tasks)
    asked = {"start": start, "end": end, "fps": fps, "height": height}
    clips = []
    for source in sources:
        cells, told = _clip(source, asked, _TRAINED_HEIGHT if trains else _HEIGHT, folder)
        clips.append({**cells, "name": _name(source, [clip["name"] for clip in clips])})
        say(f"{without_password(source)}: {told}")
    runs = [
        {
            "run": method.name,
            "clip": "*",
            "method": method.name,
            "task": "generate",
            "preset": _preset(method, preset),
            "samples": str(samples),
            "seed": "0",
        }
        for method in chosen
    ]
    _write(folder / "config", clips, runs)
    say(f"written: {', '.join(['config.yaml', *_SHEETS])} in {folder / 'config'} (every column: config/README.md)")
    names = ", ".join(f"{run['method']} (preset {run['preset']})" for run in runs)
    say(f"next: snakemake, for {samples} sample{'s' * (samples > 1)} of every clip by {names}")
    say("then: open results/report/index.html; more rows: config/runs.tsv")


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is no repository of onereel's, or that has a project already."""
    if not (folder / "Snakefile").is_file() or not (folder / "config/methods").is_dir():
        own = Path(onereel.__file__).parents[2]
        remedy = f"run it in '{own}'" if (own / "Snakefile").is_file() else "run it in the root of onereel's repository"
        raise ConfigError(f"'{folder}'", "is not the root of onereel's repository: no Snakefile", remedy)
    for name in ("config.yaml", *_SHEETS):
        if os.path.lexists(path := folder / "config" / name):
            remedy = "add rows to its sheets, or move them away to start another"
            raise ConfigError(f"'{path}'", "is there: this folder has a project", remedy)


def _clip(source: str, asked: Mapping[str, Any], height: int, folder: Path) -> tuple[dict[str, str], str]:
    """The cells of a source's row, and what is taken of it in words."""
    cells = {name: str(value) for name, value in asked.items() if value is not None}
    if is_address(source) or is_scene(source):
        return {"source": source, **cells}, "taken as it is"
    found = ingest.look(source)
    notes = [found.text]
    if "height" not in cells and found.size[0] > height:
        cells["height"] = str(height)
        notes.append(f"made {height} pixels high")
    if "start" not in cells and "end" not in cells and found.length and found.length > _LONGEST + 1:
        cells["end"] = f"{_LONGEST}s"
        notes.append(f"its first {_LONGEST} s are taken")
    if len(notes) > 1:
        notes.append("other values: config/clips.tsv")
    return {"source": _from_root(Path(source), folder), **cells}, "; ".join(notes)


def _from_root(path: Path, folder: Path) -> str:
    """A path as a sheet has it: from the repository's root for what lies in there, whole for anything else."""
    # Not resolved: a link in data/sources is how its owner calls the file.
    whole, root = (Path(os.path.normpath(each.absolute())) for each in (path, folder))
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)


def _name(source: str, taken: Sequence[str]) -> str:
    """A name for the clip: its file's, with what a name cannot hold replaced."""
    stem = source.removeprefix("scene:").partition("?")[0] if is_scene(source) else Path(without_password(source)).stem
    plain = re.sub("[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:56] or "clip"
    lower = {name.lower() for name in taken}
    names = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if valid_name(name) and name.lower() not in lower)


def _preset(method: Method, wanted: str | None) -> str:
    presets = list(read_method_file(method.name)["presets"])
    if wanted is None:
        return next((name for name in ("fast", "paper") if name in presets), presets[0])
    if wanted not in presets:
        raise ConfigError(
            f"--preset '{wanted}'", f"{method.name} has no such preset", f"choose one of {', '.join(presets)}"
        )
    return wanted


def _write(folder: Path, clips: Sequence[Mapping[str, str]], runs: Sequence[Mapping[str, str]]) -> None:
    """Write all files, or none: what was written is taken back where another cannot be."""
    named = {run["run"] for run in runs}
    examples = [cells for cells in _COMMENTED if cells["run"] not in named]
    texts = {name: sheet(name).text([], sheet(name).examples) for name in _SHEETS}
    texts["clips.tsv"] = sheet("clips.tsv").text(clips)
    texts["runs.tsv"] = sheet("runs.tsv").text(runs, examples)
    texts["config.yaml"] = config_text(
        heldout="config/heldout.tsv", edits="config/edits.tsv", studies="config/studies.tsv", tables=_TABLES
    )
    done: list[Path] = []
    try:
        for name, text in texts.items():
            write_text(folder / name, text)
            done.append(folder / name)
    except (OSError, FileError):
        for path in done:
            path.unlink(missing_ok=True)
        raise
