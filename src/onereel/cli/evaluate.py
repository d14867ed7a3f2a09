"""``onereel evaluate``: samples of a clip, or edits of one, measured; values to files, the table to the terminal."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from onereel import ingest
from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.files import write_text
from onereel.base.names import did_you_mean
from onereel.base.outputs import Result, check_outputs, write_result
from onereel.base.progress import terminal_progress
from onereel.cli.benchmark import named_folders
from onereel.metrics.base import Context, FlowOf
from onereel.metrics.evaluation import evaluate as measure
from onereel.metrics.evaluation import format_summary
from onereel.metrics.measures import Measured, choose, measure_edits
from onereel.metrics.measures.sheet import Asked, find_outputs, load_edits, read_sheet
from onereel.report.tables.formats import RENDERERS, to_markdown
from onereel.report.tables.measures import measures_table, outputs_table
from onereel.report.tables.model import Table
from onereel.weights.entries import Mode

_FITS = ("crop", "resize", "crop+resize")
_COLUMNS = ("edit", "kind", "metric", "value", "unit", "better", "share", "note", "column", "weights", "stand_in")


def evaluate_samples(
    reference: str,
    samples: Path,
    out: Path,
    *,
    metrics: str | None,
    weights: Mode,
    align: str,
    prompt: str,
    flow_of: FlowOf,
    device: str,
    overwrite: bool,
    say: Callable[[str], None],
) -> None:
    """Measure samples against the clip that they were made from.

    Raises: OnereelError for what cannot be measured.
    """
    found = ingest.find_samples(samples)
    read: list[Path | str] = [reference, *found.samples.values()]
    check_outputs([Result.metrics(out)], read, overwrite=overwrite)
    say(found.summary())

    def keep(result: dict[str, Any]) -> None:
        say(format_summary(result))
        write_result(Result.metrics(out), {**result, "interrupted": True}, {})
        say(f"interrupted: what was measured is in {out}")

    result = measure(
        ingest.load(reference, allow_single=True),  # pictures are measured by what needs no motion
        {name: ingest.load(source, allow_single=True) for name, source in found.samples.items()},
        metrics=[name.strip() for name in metrics.split(",")] if metrics else None,
        weights=weights,
        align=align,
        prompt=prompt,
        flow_of=flow_of,
        device=resolve_device(device),
        progress=terminal_progress,
        keep=keep,
    )
    say(format_summary(result))  # first: the disk may be full
    write_result(Result.metrics(out), result, {})


def evaluate_edits(
    *,
    source: str | None,
    sheet: Path | None,
    edits: Sequence[Path],
    prompt: str,
    source_prompt: str,
    mask: str | None,
    moves: bool,
    out: Path,
    measures: str | None,
    align: str,
    weights: Mode,
    extractors: Sequence[str],
    device: str,
    overwrite: bool,
    say: Callable[[str], None],
) -> None:
    """Measure edits of one source, or an editor's outputs (or several editors') for a sheet of edits.

    Raises: OnereelError for what cannot be measured.
    """
    _check(source, sheet, edits, align, {"--prompt": prompt, "--source-prompt": source_prompt, "--mask": mask or ""})
    names = [name.strip() for name in measures.split(",")] if measures else None
    choose(names)
    results = [Result("metrics", out.parent, out.stem, (".csv",)), _table_result(out)]
    read = [path for path in (source, sheet, mask) if path]
    check_outputs(results, [*map(str, read), *edits], overwrite=overwrite)
    context = Context(weights=weights, device=resolve_device(device), names=_named(extractors))
    if sheet is not None:
        asked = read_sheet(sheet)
        editors = {name: find_outputs(asked, folder) for name, folder in _titles(edits)}
    else:
        samples = ingest.find_samples(edits[0])
        say(samples.summary())
        asked = [
            Asked(
                name,
                Path(str(source)),
                prompt=prompt,
                source_prompt=source_prompt,
                mask=Path(mask) if mask else None,
                moves=moves,
            )
            for name in samples.samples
        ]
        editors = {str(edits[0]): samples.samples}
    found: dict[str, Measured] = {}

    def finish(*, interrupted: bool = False) -> None:
        table = _table(asked, found) if sheet is not None else outputs_table(found[str(edits[0])])
        _tell(found, say)
        say(to_markdown(table))
        _write(found, table, results, interrupted=interrupted)

    def keep(name: str, measured: Measured) -> None:
        if measured.records:
            found[name] = measured
        if found:
            finish(interrupted=True)
            done = len({one["edit"] for one in measured.records})
            say(f"interrupted at {done} of {len(editors[name])} edits of {name}: what was measured is in {out}")

    for name, outputs in editors.items():
        missing: dict[str, str] = {}
        found[name] = measure_edits(
            load_edits(asked, outputs, missing, align=align),
            context=context,
            measures=names,
            missing=missing,
            total=len(outputs),
            progress=terminal_progress,
            keep=partial(keep, name),
        )
    finish()


def _table(asked: Sequence[Asked], found: Mapping[str, Measured]) -> Table:
    benchmarks = {edit.benchmark for edit in asked}
    return measures_table(found, benchmark=benchmarks.pop() if len(benchmarks) == 1 else "")


def _check(source: str | None, sheet: Path | None, edits: Sequence[Path], align: str, texts: Mapping[str, str]) -> None:
    if (source is None) == (sheet is None):
        raise ConfigError("evaluate", "needs --source or --sheet with --edits", "name the clip, or a sheet of edits")
    if align and align not in _FITS:
        raise ConfigError(f"--align '{align}'", "no such way", did_you_mean(align, _FITS))
    if source is not None and len(edits) > 1:
        problem = f"{len(edits)} folders of edits"
        raise ConfigError("--edits", problem, "name one folder for --source; several editors need a --sheet")
    if sheet is not None and (given := [name for name, text in texts.items() if text]):
        raise ConfigError(given[0], "is said in the sheet, edit by edit", "leave it out")


def _named(extractors: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in extractors:
        role, _, name = text.partition("=")
        if not (role and name):
            raise ConfigError(f"--extractor '{text}'", "is no ROLE=NAME", "write flow=raft-world")
        found[role] = name
    return found


def _titles(edits: Sequence[Path]) -> list[tuple[str, Path]]:
    return list(named_folders(edits).items())


def _tell(found: Mapping[str, Measured], say: Callable[[str], None]) -> None:
    for editor, measured in found.items():
        if shares := measured.may_change.values():
            say(f"{editor}: the masks let {100 * sum(shares) / len(shares):.0f} % of the pixels change (white)")
        for name, reason in measured.missing.items():
            say(f"{editor}: {name} is not measured: {reason}")
        notes: dict[tuple[str, str], list[str]] = {}
        for one in measured.records:
            if one["value"] is None:
                notes.setdefault((one["metric"], one["note"]), []).append(one["edit"])
        total = len({one["edit"] for one in measured.records})
        for (metric, note), names in notes.items():
            of = "all edits" if len(names) == total else f"{len(names)} of {total} edits"
            say(f"{editor}: {metric} is not defined for {of}: {note}")


def _write(found: Mapping[str, Measured], table: Table, results: Sequence[Result], *, interrupted: bool) -> None:
    content: dict[str, Any] = {"editors": {name: asdict(one) for name, one in found.items()}}
    if interrupted:
        content["interrupted"] = True
    write_result(results[0], content, {".csv": lambda path: write_text(path, values_csv(found))})
    texts = {suffix: render(table) for suffix, render in RENDERERS.items()}
    writers = {suffix: lambda path, text=text: write_text(path, text) for suffix, text in texts.items()}
    write_result(results[1], {"title": table.title}, writers)


def _table_result(out: Path) -> Result:
    return Result("metrics", out.parent, f"{out.stem}-table", tuple(RENDERERS))


def values_csv(found: Mapping[str, Measured]) -> str:
    """One line for every editor, edit and measure; edits that were not measured have one with the reason."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ("editor", *_COLUMNS), lineterminator="\n")
    writer.writeheader()
    for editor, measured in found.items():
        rows: list[dict[str, Any]] = [{key: one[key] for key in _COLUMNS} for one in measured.records]
        rows += [{"edit": name, "note": reason} for name, reason in measured.missing.items()]
        writer.writerows({"editor": editor, **row} for row in rows)
    return text.getvalue()
