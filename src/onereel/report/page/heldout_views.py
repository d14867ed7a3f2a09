"""The report's section on held-out frames: tables, PSNR against time, and the films side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onereel.heldout.hold_out import HoldOut, Kind
from onereel.heldout.names import BASELINES, SIDE_BY_SIDE
from onereel.metrics.ssim import SSIM
from onereel.report.load.heldout import HeldOutEntry, HeldOutTests
from onereel.report.load.project import DONE, MetricRecord, RunEntry, SampleEntry
from onereel.report.page.charts import training_curves
from onereel.report.page.views import Player, RunView, TableView, make_player, place, sample_label, table_view

_FIGURE = Path("media/heldout")


@dataclass(frozen=True)
class GroupView:
    """Held-out tests that predict the same frames.

    Attributes:
        id: unique on the page.
        clip: name of the clip.
        text: what is held out.
        truth: player of the real frames; None where no test is done.
        baselines: players of what was predicted without a model.
        runs: the methods' runs, also those that failed.
        compared: films that show all of these in one picture, by title; relative to the page.
        verdicts: for every method that is done, a sentence on whether it beats the best of the baselines.
    """

    id: str
    clip: str
    text: str
    truth: Player | None
    baselines: tuple[Player, ...]
    runs: tuple[RunView, ...]
    compared: tuple[tuple[str, str], ...]
    verdicts: tuple[str, ...] = ()

    @property
    def strips(self) -> list[tuple[str, Player]]:
        """The truth, the baselines and the first sample of every method, titled, where there are pictures of them."""
        firsts = [(run.entry.title, run.players[0]) for run in self.runs if run.players]
        known = [(player.label, player) for player in (self.truth, *self.baselines) if player]
        return [(title, player) for title, player in [*known, *firsts] if player.data]


@dataclass(frozen=True)
class HeldOutSection:
    """What the section shows.

    Attributes:
        tables: one for each kind of test.
        figure: picture of PSNR against frames ahead, relative to the page; None without predictions.
        groups: tests by clip and split.
    """

    tables: tuple[TableView, ...]
    figure: str | None
    groups: tuple[GroupView, ...]


def held_out_section(
    tests: HeldOutTests, folder: Path, *, tables: Mapping[Kind, Path], visuals: Path
) -> HeldOutSection | None:
    """Describe the section and put its files into the report's `folder`; None if there are no tests.

    Args:
        heldout: what was measured.
        folder: the report's folder.
        tables: stem given to `write_table` by kind.
        visuals: folder of what `visualise` wrote: ``heldout/{test}/{film}``.
    """
    if not tests.entries:
        return None
    titles = {run.name: run.title for kind in tests.kinds for run in tests.project(kind).runs}
    return HeldOutSection(
        tables=tuple(table_view(str(kind), stem, folder) for kind, stem in tables.items()),
        figure=_figure(tests, folder),
        groups=tuple(
            _group(number, clip, split, entries, titles, folder, visuals)
            for number, ((clip, split), entries) in enumerate(tests.groups().items())
        ),
    )


def _figure(tests: HeldOutTests, folder: Path) -> str | None:
    if Kind.PREDICTION not in tests.kinds:
        return None
    from onereel.report.page.figures import write_horizon_figure  # matplotlib takes a second to load

    paths = write_horizon_figure(tests.project(Kind.PREDICTION), folder / _FIGURE)
    return next((f"{_FIGURE}/{path.name}" for path in paths if path.suffix == ".svg"), None)


def _group(
    number: int,
    clip: str,
    split: HoldOut,
    entries: list[HeldOutEntry],
    titles: Mapping[str, str],
    folder: Path,
    visuals: Path,
) -> GroupView:
    done = [entry for entry in entries if entry.truth]
    truth, yardsticks = None, []
    for entry in done[:1]:
        if entry.truth:
            truth = _player(entry, entry.truth, "truth", folder, visuals)
        films = [(BASELINES[run.row.method], run.samples[0]) for run in entry.baselines]
        yardsticks = [_player(entry, film, title, folder, visuals) for title, film in films]
    return GroupView(
        id=f"held-out-{number}",
        clip=clip,
        text=split.text,
        truth=truth,
        baselines=tuple(yardsticks),
        runs=tuple(_run_view(entry, titles.get(entry.run.name, entry.run.title), folder, visuals) for entry in entries),
        compared=tuple(_compared(entry, titles, folder) for entry in done if entry.side_by_side),
        verdicts=tuple(filter(None, (verdict(entry, titles.get(entry.run.name, entry.run.title)) for entry in done))),
    )


def verdict(entry: HeldOutEntry, title: str) -> str:
    """Whether a method beats what needs no model, in SSIM over all frames; empty where there is nothing to compare."""
    name = SSIM.name
    mine = _mean_of(entry.run, name)
    others = {BASELINES[run.row.method]: _mean_of(run, name) for run in entry.baselines}
    known = {label: value for label, value in others.items() if value is not None}
    if mine is None or not known:
        return ""
    best = max(known, key=lambda label: known[label])
    if entry.run.demo:
        return f"{title}: SSIM {mine:.3f}, of a demonstration and not judged; {best}: {known[best]:.3f}."
    verdict = "better" if mine > known[best] else "not better"
    return f"{title}: SSIM {mine:.3f}, {verdict} than {best} ({known[best]:.3f})."


def _mean_of(run: RunEntry, metric: str) -> float | None:
    values = [record.value for record in run.records if record.metric == metric and record.value is not None]
    return float(np.mean(values)) if values else None


def _compared(entry: HeldOutEntry, titles: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """The title of a test's method, and where its film of all in one picture lies."""
    target = f"media/heldout/{entry.row.test}/{SIDE_BY_SIDE}.mp4"
    place(entry.side_by_side or Path(), folder / target)
    return titles.get(entry.run.name, entry.run.title), target


def _player(entry: HeldOutEntry, film: SampleEntry, label: str, folder: Path, visuals: Path) -> Player:
    name = f"{entry.row.test}/{film.name}"
    return make_player(
        folder,
        base=f"media/heldout/{name}",
        visuals=visuals / "heldout" / name,
        video=film.video,
        preview=film.preview,
        ident=f"player-heldout-{entry.row.test}-{film.name}",
        label=label,
        alt=f"{entry.row.clip}, {label}, held-out test {entry.row.test}",
        size=film.size,
        fps=film.fps,
    )


def _run_view(entry: HeldOutEntry, title: str, folder: Path, visuals: Path) -> RunView:
    """The method's part, with one value of each metric per seed: the mean over origins."""
    run = RunEntry(**{**vars(entry.run), "title": title})
    means = _seed_means(run)
    metrics = None
    if run.status == DONE and entry.record_file:
        metrics = f"metrics/heldout-{entry.row.test}.json"
        place(entry.record_file, folder / metrics)
    return RunView(
        entry=run,
        players=tuple(_player(entry, film, sample_label(run, film), folder, visuals) for film in run.samples),
        guides=(),
        curves=tuple(filter(None, (training_curves(part, path) for part, path in run.curves.items()))),
        columns=tuple(dict.fromkeys(column for _, column in means)),
        values=means,
        metrics=metrics,
    )


def _seed_means(run: RunEntry) -> dict[tuple[str, str], MetricRecord]:
    groups: dict[tuple[str, str], list[MetricRecord]] = {}
    for record in run.records:
        if "@" not in record.metric:
            groups.setdefault((record.sample, record.column), []).append(record)
    return {
        key: MetricRecord(group[0].metric, key[1], key[0], float(np.mean([record.value for record in group])))
        for key, group in groups.items()
    }
