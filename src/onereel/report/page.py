"""The report: one folder of plain HTML, CSS and JavaScript that opens from disk and over http, and can be zipped.

The folder is built beside the old one and swapped in when it is whole.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from onereel.files import read_json
from onereel.report.charts import COLOURS, HEIGHT, SHAPES, WIDTH, Curves, chart, training_curves
from onereel.report.formats import to_html
from onereel.report.head import head
from onereel.report.project import DONE, ClipEntry, MetricRecord, Project, RunEntry, SampleEntry
from onereel.report.tables import clip_table
from onereel.report.templating import environment
from onereel.report.tradeoffs import tradeoffs

_ASSETS = ("report.css", "players.js", "controls.js", "page.js", "icon.svg")
_TABLE_FORMATS = (".csv", ".tex", ".md")
_FIRST_TABLE = "comparison"


@dataclass(frozen=True)
class Player:
    """What the page needs to play one clip or sample.

    Attributes:
        id: unique on the page.
        label: what it is called.
        alt: what a screen reader says.
        size: (T, H, W).
        fps: frames per second, as text.
        data: for the script: counts, rates, sheets; None where there are no visuals.
        folder: where its pictures lie, relative to the page.
        mkv: path of the lossless file, relative to the page.
        mp4: path of the preview, or None.
    """

    id: str
    label: str
    alt: str
    size: tuple[int, int, int]
    fps: str
    data: dict[str, Any] | None
    folder: str
    mkv: str
    mp4: str | None


@dataclass(frozen=True)
class RunView:
    """A run with its players, training curves and values by sample and column."""

    entry: RunEntry
    players: tuple[Player, ...]
    curves: tuple[Curves, ...]
    columns: tuple[str, ...]
    values: Mapping[tuple[str, str], MetricRecord]
    metrics: str | None


@dataclass(frozen=True)
class ClipView:
    """A clip with its input player, runs and table."""

    entry: ClipEntry
    player: Player | None
    runs: tuple[RunView, ...]
    table: Markup

    @property
    def strips(self) -> list[tuple[str, Player]]:
        """The input and the first sample of every run, titled, where there are pictures of them."""
        firsts = [(run.entry.title, run.players[0]) for run in self.runs if run.players and not run.entry.calibration]
        inputs = [("input", self.player)] if self.player else []
        return [(title, player) for title, player in [*inputs, *firsts] if player.data]


@dataclass(frozen=True)
class TableView:
    """A table that `write_table` wrote: its title, its HTML and its files by format, relative to the page."""

    title: Markup
    html: Markup
    files: Mapping[str, str]


def write_report(
    project: Project, out_dir: Path, *, tables: Mapping[str, Path], visuals: Path, partial: bool = False
) -> None:
    """Write the report's folder, replacing an older one in one step.

    Args:
        project: what was measured.
        out_dir: the folder: ``index.html``, ``assets/``, ``media/``, ``tables/``, ``metrics/``.
        tables: stem given to `write_table` by name; ``comparison`` comes first.
        visuals: folder of what `visualise` wrote: ``clips/{clip}`` and ``runs/{run}/{sample}``.
        partial: whether the workflow knows that something is missing; the page says so.
    """
    with _swapped_in(out_dir) as folder:
        (folder / "assets").mkdir()
        source = Path(__file__).parent / "templates"
        for name in _ASSETS:
            shutil.copyfile(source / name, folder / "assets" / name)
        clips = tuple(_clip_view(project, clip, folder, visuals) for clip in project.clips)
        page = (
            environment()
            .get_template("index.html.j2")
            .render(
                head=head(project),
                project=project,
                partial=partial or bool(project.unfinished),
                tables=[_table_view(name, tables[name], folder) for name in _table_order(tables)],
                charts=[chart(plot) for plot in tradeoffs(project)],
                chart_size=(WIDTH, HEIGHT),
                colours=COLOURS,
                shapes=SHAPES,
                clips=clips,
            )
        )
        (folder / "index.html").write_text(page, encoding="utf-8")


@contextmanager
def _swapped_in(out_dir: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out_dir`; put it in its place when the block ends without an error."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        fresh, old = work / "fresh", work / "old"
        fresh.mkdir()
        yield fresh
        if out_dir.exists():
            out_dir.replace(old)
        fresh.replace(out_dir)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _place(source: Path, target: Path) -> None:
    """The file under a second name: a hard link where the file system allows, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _clip_view(project: Project, clip: ClipEntry, folder: Path, visuals: Path) -> ClipView:
    runs = tuple(_run_view(run, folder, visuals) for run in project.runs_of(clip.name))
    table = clip_table(project, clip.name)
    return ClipView(
        entry=clip,
        player=_input_player(clip, folder, visuals),
        runs=runs,
        table=Markup(to_html(table)) if table.blocks else Markup(""),
    )


def _input_player(clip: ClipEntry, folder: Path, visuals: Path) -> Player | None:
    if clip.video is None or clip.size is None:
        return None
    return _player(
        folder,
        base=f"media/clips/{clip.name}",
        visuals=visuals / "clips" / clip.name,
        video=clip.video,
        preview=clip.preview,
        ident=f"player-{clip.name}",
        label="input",
        alt=f"{clip.name}, the input",
        size=clip.size,
        fps=clip.fps,
    )


def _sample_player(run: RunEntry, sample: SampleEntry, folder: Path, visuals: Path) -> Player:
    return _player(
        folder,
        base=f"media/runs/{run.name}/{sample.name}",
        visuals=visuals / "runs" / run.name / sample.name,
        video=sample.video,
        preview=sample.preview,
        ident=f"player-{run.name}-{sample.name}",
        label=sample.name if run.external else f"seed {sample.name}",
        alt=f"{run.title} on {run.row.clip}, sample {sample.name}",
        size=sample.size,
        fps=sample.fps,
    )


def _player(
    folder: Path,
    *,
    base: str,
    visuals: Path,
    video: Path,
    preview: Path | None,
    ident: str,
    label: str,
    alt: str,
    size: tuple[int, int, int],
    fps: str,
) -> Player:
    """Put a video's files into the report and describe them."""
    data = None
    if (visuals / "index.json").exists():
        data = read_json(visuals / "index.json")
        for picture in _pictures(data):
            _place(visuals / picture, folder / base / picture)
    for path in filter(None, (video, preview)):
        _place(path, folder / base / path.name)
    return Player(
        id=ident,
        label=label,
        alt=alt,
        size=size,
        fps=fps,
        data=data,
        folder=f"{base}/",
        mkv=f"{base}/{video.name}",
        mp4=f"{base}/{preview.name}" if preview else None,
    )


def _pictures(data: Mapping[str, Any]) -> list[str]:
    sheets = [*data["sheets"], *(data["origins"] or {"sheets": []})["sheets"]]
    return [*(sheet["file"] for sheet in sheets), data["strip"], data["xt"], data["ty"]]


def _run_view(run: RunEntry, folder: Path, visuals: Path) -> RunView:
    metrics = None
    if run.status == DONE and run.metrics_file:
        metrics = f"metrics/{run.metrics_file.name}"
        _place(run.metrics_file, folder / metrics)
    single = [record for record in run.records if record.sample]
    return RunView(
        entry=run,
        players=tuple(_sample_player(run, sample, folder, visuals) for sample in run.samples),
        curves=tuple(filter(None, (training_curves(part, path) for part, path in run.curves.items()))),
        columns=tuple(dict.fromkeys(record.column for record in single)),
        values={(record.sample, record.column): record for record in single},
        metrics=metrics,
    )


def _table_order(tables: Mapping[str, Path]) -> list[str]:
    return sorted(tables, key=lambda name: name != _FIRST_TABLE)


def _table_view(name: str, stem: Path, folder: Path) -> TableView:
    files = {}
    for suffix in _TABLE_FORMATS:
        files[suffix[1:]] = f"tables/{name}{suffix}"
        _place(stem.with_name(stem.name + suffix), folder / files[suffix[1:]])
    html = stem.with_name(stem.name + ".html").read_text(encoding="utf-8")
    # Both were escaped when `write_table` made them.
    title = re.search('data-title="([^"]*)"', html)
    return TableView(Markup(title[1] if title else name), Markup(html), files)
