"""Parts of the page that clips and tests share: players, runs, tables; each puts its files into the report."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from onereel.report.load.project import DEMO_TITLE, DONE, ClipEntry, MetricRecord, RunEntry, SampleEntry
from onereel.report.load.records import Guides, Titles, Visuals, read_record
from onereel.report.page.charts import Curves, training_curves
from onereel.report.page.commands import sample_command
from onereel.report.page.visuals import GUIDES

SIMILARITY = "similarity.png"
"""The picture of embeddings in a clip's folder of previews."""
_PREVIEWED = {"depth": "depth", "flow": "motion"}
_TABLE_FORMATS = (".csv", ".tex", ".md")


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
        mkv: path of the lossless file, relative to the page, or None.
        mp4: path of the preview, or None.
        title: what a comparison calls it, beside others of the clip.
        command: what makes it again, one line for a shell; empty where nothing does.
    """

    id: str
    label: str
    alt: str
    size: tuple[int, int, int]
    fps: str
    data: dict[str, Any] | None
    folder: str
    mkv: str | None
    mp4: str | None
    title: str = ""
    command: str = ""


@dataclass(frozen=True)
class RunView:
    """A run: players of its samples and of what they start from, training curves, values by sample and column."""

    entry: RunEntry
    players: tuple[Player, ...]
    guides: tuple[Player, ...]
    curves: tuple[Curves, ...]
    columns: tuple[str, ...]
    values: Mapping[tuple[str, str], MetricRecord]
    metrics: str | None


@dataclass(frozen=True)
class PreviewView:
    """What preprocessing made of a clip: players of depth and motion, a picture of embeddings, what made each."""

    players: tuple[Player, ...]
    picture: str | None
    titles: Mapping[str, str]


@dataclass(frozen=True)
class TableView:
    """A table that `write_table` wrote: its title, its HTML and its files by format, relative to the page."""

    title: Markup
    html: Markup
    files: Mapping[str, str]


def place(source: Path, target: Path) -> None:
    """The file under a second name: a hard link where the file system allows, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sample_player(run: RunEntry, sample: SampleEntry, folder: Path, visuals: Path) -> Player:
    """One sample of a run; `folder` is the report's, `visuals` that of what `visualise` wrote."""
    player = make_player(
        folder,
        base=f"media/runs/{run.name}/{sample.name}",
        visuals=visuals / "runs" / run.name / sample.name,
        video=sample.video,
        preview=sample.preview,
        ident=f"player-{run.name}-{sample.name}",
        label=sample_label(run, sample),
        alt=f"{run.title}{_on(run)}, sample {sample.title}",
        size=sample.size,
        fps=sample.fps,
    )
    return replace(player, title=f"{run.title}, {player.label}", command=sample_command(run, sample))


def sample_label(run: RunEntry, sample: SampleEntry) -> str:
    """What stands under a sample's player."""
    if run.external:
        return sample.title
    return f"seed {sample.name}, {DEMO_TITLE}" if run.demo else f"seed {sample.name}"


def _on(run: RunEntry) -> str:
    return f" on {run.row.clip}" if run.row.clip else ""


def make_player(
    folder: Path,
    *,
    base: str,
    visuals: Path,
    video: Path | None,
    preview: Path | None,
    ident: str,
    label: str,
    alt: str,
    size: tuple[int, int, int],
    fps: str,
) -> Player:
    """Put a video's files into the report and describe them."""
    data = read_record(visuals / "index.json", Visuals)
    if data and not all((visuals / picture).is_file() for picture in _pictures(data)):
        data = None
    for picture in _pictures(data) if data else ():
        place(visuals / picture, folder / base / picture)
    for path in filter(None, (video, preview)):
        place(path, folder / base / path.name)
    return Player(
        id=ident,
        label=label,
        alt=alt,
        size=size,
        fps=fps,
        data=data,
        folder=f"{base}/",
        mkv=f"{base}/{video.name}" if video else None,
        mp4=f"{base}/{preview.name}" if preview else None,
    )


def _pictures(data: Mapping[str, Any]) -> list[str]:
    sheets = [*data["sheets"], *(data.get("origins") or {"sheets": []})["sheets"]]
    return [*(sheet["file"] for sheet in sheets), data["strip"], data["xt"], data["ty"]]


def run_view(run: RunEntry, folder: Path, visuals: Path) -> RunView:
    """A run with all that the page shows of it; folders as in `sample_player`."""
    metrics = None
    if run.status == DONE and run.metrics_file:
        metrics = f"metrics/{run.metrics_file.name}"
        place(run.metrics_file, folder / metrics)
    single = [record for record in run.records if record.sample]
    return RunView(
        entry=run,
        players=tuple(sample_player(run, sample, folder, visuals) for sample in run.samples),
        guides=_guides(run, folder, visuals),
        curves=tuple(filter(None, (training_curves(part, path) for part, path in run.curves.items()))),
        columns=tuple(dict.fromkeys(record.column for record in single)),
        values={(record.sample, record.column): record for record in single},
        metrics=metrics,
    )


def _guides(run: RunEntry, folder: Path, visuals: Path) -> tuple[Player, ...]:
    """Players of what `visualise_guides` wrote of a run; none where it wrote nothing."""
    source = visuals / "runs" / run.name / GUIDES
    names = read_record(source / "index.json", Guides) or ()
    drawn = [read_record(source / str(number) / "index.json", Visuals) for number in range(len(names))]
    return tuple(
        make_player(
            folder,
            base=f"media/runs/{run.name}/{GUIDES}/{number}",
            visuals=source / str(number),
            video=None,
            preview=None,
            ident=f"player-{run.name}-{GUIDES}-{number}",
            label=name,
            alt=f"{name}, an input of {run.title}{_on(run)}",
            size=tuple(data["size"]),
            fps="",
        )
        for number, (name, data) in enumerate(zip(names, drawn, strict=True))
        if data
    )


def preview_view(clip: ClipEntry, folder: Path, visuals: Path) -> PreviewView | None:
    """What `onereel.report.page.previews.preview` drew of a clip, put into the report; None if it drew nothing."""
    source, base = visuals / "previews" / clip.name, f"media/previews/{clip.name}"
    titles = read_record(source / "index.json", Titles)
    if clip.size is None or titles is None:
        return None
    players = tuple(
        make_player(
            folder,
            base=f"{base}/{kind}",
            visuals=source / kind,
            video=None,
            preview=None,
            ident=f"player-{clip.name}-{kind}",
            label=f"{_PREVIEWED[kind]} · {titles[kind]}",
            alt=f"{clip.name}, {_PREVIEWED[kind]} of the input",
            size=clip.size,
            fps=clip.fps,
        )
        for kind in _PREVIEWED
        if kind in titles
    )
    picture = None
    if "embeddings" in titles and (source / SIMILARITY).is_file():
        picture = f"{base}/{SIMILARITY}"
        place(source / SIMILARITY, folder / picture)
    return PreviewView(players, picture, titles)


def table_view(name: str, stem: Path, folder: Path) -> TableView:
    """The table of that name that lies at `stem`, its files put into the report's `folder`."""
    files = {}
    for suffix in _TABLE_FORMATS:
        files[suffix[1:]] = f"tables/{name}{suffix}"
        place(stem.with_name(stem.name + suffix), folder / files[suffix[1:]])
    html = stem.with_name(stem.name + ".html").read_text(encoding="utf-8")
    # Both were escaped when `write_table` made them.
    title = re.search('data-title="([^"]*)"', html)
    return TableView(Markup(title[1] if title else name), Markup(html), files)
