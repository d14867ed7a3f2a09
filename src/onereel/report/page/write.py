"""The report: one folder of plain HTML, CSS and JavaScript that opens from disk and over http, and can be zipped.

The folder is built beside the old one and swapped in when it is whole.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from onereel.base.files import write_text
from onereel.base.outputs import check_folder, list_folder
from onereel.heldout.hold_out import Kind
from onereel.report.load.heldout import HeldOutTests
from onereel.report.load.project import CLIPLESS, NO_CLIP, ClipEntry, Project
from onereel.report.page.charts import HEIGHT, WIDTH, chart
from onereel.report.page.head import head
from onereel.report.page.heldout_views import held_out_section
from onereel.report.page.meanings import meanings
from onereel.report.page.papers import papers, to_bibtex
from onereel.report.page.tools import filters_of, paired_view
from onereel.report.page.tradeoffs import tradeoffs
from onereel.report.page.views import (
    Player,
    PreviewView,
    RunView,
    TableView,
    make_player,
    place,
    preview_view,
    run_view,
    table_view,
)
from onereel.report.tables.build import clip_table
from onereel.report.tables.formats import RENDERERS, to_html
from onereel.report.templating import environment

_ASSETS = (
    "report.css",
    "tools.css",
    "players.js",
    "controls.js",
    "place.js",
    "tables.js",
    "filters.js",
    "compare.js",
    "samples.js",
    "paired.js",
    "page.js",
    "icon.svg",
)
_TABLE_FORMATS = (".csv", ".tex", ".md")
_FIRST_TABLE = "comparison"
_PAPERS = Path("papers.bib")


@dataclass(frozen=True)
class ClipView:
    """A clip with its input player, what preprocessing made of it, runs and table."""

    entry: ClipEntry
    player: Player | None
    previews: PreviewView | None
    runs: tuple[RunView, ...]
    table: TableView | None

    @property
    def id(self) -> str:
        """Its name in the page's anchors."""
        return self.entry.name or CLIPLESS

    @property
    def title(self) -> str:
        """What it is called."""
        return self.entry.name or NO_CLIP

    @property
    def strips(self) -> list[tuple[str, Player]]:
        """The input and the first sample of every run, titled, where there are pictures of them."""
        firsts = [(run.entry.title, run.players[0]) for run in self.runs if run.players and not run.entry.calibration]
        inputs = [("input", self.player)] if self.player else []
        return [(title, player) for title, player in [*inputs, *firsts] if player.data]


def write_report(
    project: Project,
    out_dir: Path,
    *,
    tables: Mapping[str, Path],
    visuals: Path,
    partial: bool = False,
    heldout: HeldOutTests | None = None,
    heldout_tables: Mapping[Kind, Path] | None = None,
    edits: Mapping[str, Path] | None = None,
) -> None:
    """Write the report's folder, replacing an older one in one step.

    Args:
        project: what was measured.
        out_dir: the folder: ``index.html``, ``assets/``, ``media/``, ``tables/``, ``metrics/``.
        tables: stem given to `write_table` by name; ``comparison`` comes first.
        visuals: folder of what `visualise` wrote: ``clips/{clip}``, ``runs/{run}/{sample}`` and
            ``heldout/{test}/{film}``; and of what `preview` drew: ``previews/{clip}``.
        partial: whether the workflow knows that something is missing; the page says so.
        heldout: held-out tests; None for none.
        heldout_tables: stem given to `write_table` by kind of test.
        edits: folder of `write_edits_page` by set of known edits.
    """
    with swapped_in(out_dir) as folder:
        (folder / "assets").mkdir()
        source = Path(__file__).parents[1] / "templates"
        for name in _ASSETS:
            shutil.copyfile(source / name, folder / "assets" / name)
        clips = tuple(_clip_view(project, clip, folder, visuals) for clip in _sections(project))
        cited = papers(project)
        if cited:
            write_text(folder / _PAPERS, to_bibtex(cited))
        page = (
            environment()
            .get_template("index.html.j2")
            .render(
                head=head(project),
                project=project,
                partial=partial or bool(project.unfinished),
                tables=[table_view(name, tables[name], folder) for name in _table_order(tables)],
                charts=[chart(plot) for plot in tradeoffs(project)],
                filters=filters_of(project),
                paired=paired_view(project, folder),
                meanings=meanings(project),
                papers=cited,
                chart_size=(WIDTH, HEIGHT),
                clips=clips,
                edits=_edits(edits or {}, folder),
                held_out=held_out_section(
                    heldout or HeldOutTests(()), folder, tables=heldout_tables or {}, visuals=visuals
                ),
            )
        )
        (folder / "index.html").write_text(page, encoding="utf-8")
        list_folder(folder)


@contextmanager
def swapped_in(out_dir: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out_dir`; put it in its place when the block ends without an error.

    Raises: ConfigError if somebody left a file in `out_dir`.
    """
    check_folder(out_dir)
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


def _edits(pages: Mapping[str, Path], folder: Path) -> dict[str, Markup]:
    """The pages of known edits, put below ``edits/``: their leaderboards by the sets' names."""
    for name, page in pages.items():
        shutil.copytree(page, folder / "edits" / name, copy_function=lambda one, other: place(Path(one), Path(other)))
    return {name: Markup((page / "tables/edits.html").read_text(encoding="utf-8")) for name, page in pages.items()}


def _sections(project: Project) -> tuple[ClipEntry, ...]:
    """The clips, then what stands for that of the runs that have none."""
    nothing = ClipEntry(name="", video=None, preview=None, size=None, fps="")
    return (*project.clips, nothing) if project.runs_of("") else project.clips


def _clip_view(project: Project, clip: ClipEntry, folder: Path, visuals: Path) -> ClipView:
    runs = tuple(run_view(run, folder, visuals) for run in project.runs_of(clip.name))
    return ClipView(
        entry=clip,
        player=_input_player(clip, folder, visuals),
        previews=preview_view(clip, folder, visuals) if clip.name else None,
        runs=runs,
        table=_clip_table(project, clip.name, folder),
    )


def _clip_table(project: Project, clip: str, folder: Path) -> TableView | None:
    """Every metric of a clip's runs, its files put into the report; None where nothing was measured."""
    table = clip_table(project, clip)
    if not table.blocks:
        return None
    files = {suffix[1:]: f"tables/{table.name.replace('.', '-')}{suffix}" for suffix in _TABLE_FORMATS}
    for suffix, path in zip(_TABLE_FORMATS, files.values(), strict=True):
        write_text(folder / path, RENDERERS[suffix](table))
    return TableView(Markup(escape(table.title)), Markup(to_html(table)), files)


def _input_player(clip: ClipEntry, folder: Path, visuals: Path) -> Player | None:
    if clip.video is None or clip.size is None:
        return None
    return make_player(
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


def _table_order(tables: Mapping[str, Path]) -> list[str]:
    return sorted(tables, key=lambda name: name != _FIRST_TABLE)
