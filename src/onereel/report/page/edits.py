"""The page of a set of known edits: source, right answer and every editor's output, one edit a row, all in step."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from onereel.base.files import read_json, write_text
from onereel.jobs.edits import SOURCE, TRUTH, film_folder, read_scores
from onereel.jobs.measures import read_agreements
from onereel.methods import DEMO
from onereel.metrics.edits.judge import Judgement, Unanswered
from onereel.metrics.edits.scoring import Scores
from onereel.report.load.project import DEMO_TITLE
from onereel.report.page.agreement import NAME, agreement_tables
from onereel.report.page.views import place
from onereel.report.page.write import swapped_in
from onereel.report.tables.edits import edit_tables
from onereel.report.tables.formats import RENDERERS, to_html
from onereel.report.tables.model import Table
from onereel.report.templating import environment

MEASURES: Mapping[str, tuple[str, str]] = {
    "attribute_right": ("attribute", ""),
    "others_kept": ("others kept", ""),
    "psnr_outside": ("PSNR outside", "dB"),
    "ssim_outside": ("SSIM outside", ""),
    "psnr_truth": ("PSNR to truth", "dB"),
    "ssim_truth": ("SSIM to truth", ""),
    "sgfid_truth": ("SGFID to truth", ""),
    "motion": ("motion error", "px"),
    "frame_consistency": ("frame consistency", ""),
    "prompt_consistency": ("prompt consistency", ""),
    "success": ("success", ""),
}
"""What a row can be sorted by: title and unit."""
_ASSETS = ("report.css", "tools.css", "icon.svg", "edits.js", "tables.js")


@dataclass(frozen=True)
class OutputView:
    """An editor's output for one edit.

    Attributes:
        editor: whose.
        film: relative to the page; "" where there is none.
        values: measures by name, those that are defined; 1 and 0 for yes and no.
        verdict: "success", "failed" or "missing".
        reason: why there is none, or what failed, in words.
    """

    editor: str
    film: str
    values: Mapping[str, float]
    verdict: str
    reason: str


@dataclass(frozen=True)
class EditView:
    """One edit, a row of the page."""

    name: str
    kind: str
    prompt: str
    source_prompt: str
    source: str
    truth: str
    outputs: tuple[OutputView, ...]


def write_edits_page(
    edits: str,
    *,
    calibration: Path,
    truth: Path,
    editors: Mapping[Path, Path],
    out_dir: Path,
    agreement: Path | None = None,
) -> None:
    """Write ``index.html`` with films and tables beside it, replacing an older one in one step.

    Args:
        edits: name of the set.
        calibration: scores of outputs that are made from the truth.
        truth: films of sources and true edits, with ``asked.json``.
        editors: films of outputs by the file of their scores.
        out_dir: the folder.
        agreement: folder of `write_agreement`, where the page is to show which measure agrees with truth.
    """
    found = {folder: read_scores(path) for path, folder in editors.items()}
    scores = _together(read_scores(calibration), list(found.values()))
    films = {name: folder for folder, one in found.items() for name in one.editors}
    tables = [(table, Markup(to_html(table))) for table in edit_tables(scores)]
    with swapped_in(out_dir) as folder:
        (folder / "assets").mkdir()
        for name in _ASSETS:
            shutil.copyfile(Path(__file__).parents[1] / "templates" / name, folder / "assets" / name)
        rows = [
            _row(name, asked, truth, films, scores, folder) for name, asked in read_json(truth / "asked.json").items()
        ]
        for table, _ in tables:
            for suffix, render in RENDERERS.items():
                write_text(folder / f"tables/{table.name}{suffix}", render(table))
        agreements = _agreement(agreement, folder)
        page = (
            environment()
            .get_template("edits.html.j2")
            .render(
                edits=edits,
                rows=rows,
                kinds=list(dict.fromkeys(row.kind for row in rows)),
                editors={name: _titled(name, scores) for name in films},
                measures=MEASURES,
                tables=tables,
                agreements=agreements,
            )
        )
        (folder / "index.html").write_text(page, encoding="utf-8")


def _titled(editor: str, scores: Scores) -> str:
    """An editor as the page calls it; one that only shows that everything works says so."""
    return f"{editor}, {DEMO_TITLE}" if scores.editors[editor].preset == DEMO else editor


def _agreement(source: Path | None, folder: Path) -> list[tuple[Table, Markup]]:
    """Copy the figure and the tables to the page's folder; the tables as HTML."""
    if source is None:
        return []
    (folder / "agreement").mkdir()
    for path in source.iterdir():
        shutil.copyfile(path, folder / "agreement" / path.name)
    return [(table, Markup(to_html(table))) for table in agreement_tables(read_agreements(source / f"{NAME}.json"))]


def _together(calibration: Scores, editors: list[Scores]) -> Scores:
    found = {name: one for scores in editors for name, one in scores.editors.items()}
    return Scores({**found, **calibration.editors}, calibration.readers, calibration.networks)


def _row(
    name: str, asked: Mapping[str, str], truth: Path, films: Mapping[str, Path], scores: Scores, folder: Path
) -> EditView:
    def film(source: Path, kind: str) -> str:
        if not source.is_file():
            return ""
        target = Path("films") / kind / source.name
        place(source, folder / target)
        return target.as_posix()

    return EditView(
        name=name,
        kind=asked["kind"],
        prompt=asked["prompt"],
        source_prompt=asked["source_prompt"],
        source=film(film_folder(truth, SOURCE) / f"{name}.mp4", "source"),
        truth=film(film_folder(truth, TRUTH) / f"{name}.mp4", "truth"),
        outputs=tuple(
            _output(editor, name, film(source / f"{name}.mp4", f"editors/{editor}"), scores)
            for editor, source in films.items()
        ),
    )


def _output(editor: str, name: str, film: str, scores: Scores) -> OutputView:
    of_editor = scores.editors[editor]
    judgement = next((one for one in of_editor.judgements if one.name == name), None)
    if judgement is None:
        missing = next((one for one in of_editor.missing if one.name == name), None)
        return OutputView(editor, film, {}, "missing", _why(missing))
    values = {key: getattr(judgement, key) for key in MEASURES}
    known = {key: float(value) for key, value in values.items() if value is not None}
    return OutputView(editor, film, known, "success" if judgement.success else "failed", _lost(judgement))


def _why(missing: Unanswered | None) -> str:
    return (missing.reason if missing else "") or "no output"


def _lost(judgement: Judgement) -> str:
    """What an output got wrong, in words."""
    words = [] if judgement.attribute_right else [f"no {_said(judgement.after)} {judgement.attribute.split('.')[-1]}"]
    changed = [name for name, kept in judgement.others.items() if not kept]
    return "; ".join([*words, *[f"changed {', '.join(changed)}"] * bool(changed)])


def _said(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else "such"
