"""``onereel benchmark``: known edits as files, and scores of what editors made of them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from onereel import ingest
from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.outputs import Result, check_outputs, write_result
from onereel.base.progress import terminal_progress
from onereel.base.readers import complaint
from onereel.metrics.edits import Judge, made_here, read_edits_config
from onereel.metrics.edits.benchmark import MANIFEST, Benchmark
from onereel.metrics.edits.scoring import FITS, Scores, score
from onereel.report.tables.edits import edit_tables
from onereel.report.tables.formats import RENDERERS, to_markdown
from onereel.scenes.world import EditSet

_SIZE = re.compile(r"(\d+)x(\d+)x(\d+)")
_LISTED = 5  # missing outputs that are named


def edit_set(*, kinds: str | None, size: str | None, **given: Any) -> EditSet:
    """The benchmark of the project's config, with what the command line names instead.

    Raises: ConfigError for values that do not fit.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if kinds is not None:
        asked["kinds"] = tuple(kind.strip() for kind in kinds.split(","))
    if size is not None:
        if not (found := _SIZE.fullmatch(size)):
            raise ConfigError(f"--size '{size}'", "is no FRAMESxHEIGHTxWIDTH", "write 16x64x64")
        asked |= dict(zip(("frames", "height", "width"), map(int, found.groups()), strict=True))
    try:
        return EditSet.model_validate({**read_edits_config().benchmark.model_dump(), **asked})
    except ValidationError as error:
        place, problem, remedy = complaint(error, tuple(EditSet.model_fields))
        raise ConfigError(" ".join(["benchmark", *(f"--{step}" for step in place[:1])]), problem, remedy) from None


def score_outputs(
    outputs: Sequence[Path],
    *,
    benchmark: Path | None,
    align: str,
    calibration: bool,
    out: Path | None,
    device: str,
    overwrite: bool,
    say: Callable[[str], None],
) -> None:
    """Measure folders of outputs, one for each editor; print the leaderboard, and write all tables.

    Raises: OnereelError for what cannot be measured.
    """
    if align not in FITS:
        raise ConfigError(f"--align '{align}'", "no such way", did_you_mean(align, FITS[1:]))
    results = [] if out is None else [Result.metrics(out / "scores.json"), *_tables_in(out)]
    check_outputs(results, outputs, overwrite=overwrite)
    editors = {}
    for name, folder in named_folders(outputs).items():
        found = ingest.find_samples(folder)
        say(f"{name}: {found.summary()}")
        editors[name] = found.samples
    config = read_edits_config()
    judge = Judge(thresholds=config.thresholds, device=resolve_device(device))
    scores = score(
        _benchmark_of(outputs, benchmark, config.benchmark),
        editors,
        judge,
        align=FITS[FITS.index(align)],
        calibration=made_here() if calibration else (),
        progress=terminal_progress,
    )
    tables = edit_tables(scores)
    _tell(scores, say)
    say(to_markdown(tables[0]))
    if out is not None:
        content = TypeAdapter(Scores).dump_python(scores, mode="json")
        write_result(results[0], {"thresholds": config.thresholds.model_dump(), **content}, {})
        for result, table in zip(results[1:], tables, strict=True):
            texts = {suffix: render(table) for suffix, render in RENDERERS.items()}
            writers = {suffix: lambda path, text=text: path.write_text(text) for suffix, text in texts.items()}
            write_result(result, {"title": table.title}, writers)


def _tables_in(out: Path) -> list[Result]:
    return [Result("metrics", out, table.name, tuple(RENDERERS)) for table in edit_tables(Scores({}, {}, ()))]


def named_folders(outputs: Sequence[Path]) -> dict[str, Path]:
    """Editors by the names of their folders, with as much of the path as tells them apart."""
    for parts in range(1, 1 + max(len(path.absolute().parts) for path in outputs)):
        names = ["/".join(path.absolute().parts[-parts:]) for path in outputs]
        if len(set(names)) == len(names):
            return dict(zip(names, outputs, strict=True))
    raise ConfigError(f"'{outputs[0]}'", "is named twice", "name each folder once")


def _benchmark_of(outputs: Sequence[Path], named: Path | None, default: EditSet) -> Benchmark:
    """The one that was named, or that the outputs lie in; that of the project's config where there is none."""
    if named is not None:
        return Benchmark.read(named)
    around = {folder for path in outputs for folder in path.absolute().parents if (folder / MANIFEST).is_file()}
    if len(around) > 1:
        told = ", ".join(f"'{folder}'" for folder in sorted(around))
        raise ConfigError("outputs", f"lie in several benchmarks ({told})", "name one with --benchmark")
    return Benchmark.read(around.pop()) if around else Benchmark(default, {})


def _tell(scores: Scores, say: Callable[[str], None]) -> None:
    for name, editor in scores.editors.items():
        absent = [one.name for one in editor.missing if not one.reason]
        if absent:
            more = f" and {len(absent) - _LISTED} more" if len(absent) > _LISTED else ""
            say(f"{name}: {len(absent)} missing: {', '.join(absent[:_LISTED])}{more}")
        for one in editor.missing:
            if one.reason:
                say(f"{name}: {one.name} cannot be used: {one.reason}")
