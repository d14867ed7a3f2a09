"""The results of a study as tables, with and without exclusions, beside what papers published."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from onereel.base.outputs import Result, check_outputs, write_result
from onereel.project.tables import Published
from onereel.report.tables.formats import RENDERERS
from onereel.report.tables.model import Block, Cell, Column, Row, Table
from onereel.report.templating import environment
from onereel.report.user_study.published import PublishedStudy
from onereel.studies.analysis import Analysis, Findings, Line, Section
from onereel.studies.collect import Collected
from onereel.studies.intervals import Estimate
from onereel.studies.key import Key
from onereel.studies.simulate import SIMULATED

_COUNTED, _EVERYBODY, _PUBLISHED = "With exclusions", "Everybody", "Published, of other films and raters"
_AGREEMENT = {
    "items": "Alpha (other items)",
    "raters": "Alpha (other raters)",
}


def result_tables(
    key: Key, analysis: Analysis, published: Sequence[PublishedStudy], notes: Sequence[str]
) -> list[Table]:
    """One table for each kind of numbers: what is reported, the same of everybody, and what papers found.

    Args:
        key: of the study.
        analysis: its numbers.
        published: values of papers; those of the study's form are taken.
        notes: said below every table.
    """
    of_form = [one for one in published if one.form is key.design.form]
    everybody = {section.name: section for section in analysis.everybody.sections}
    counted = {section.name: section for section in analysis.counted.sections}
    tables = []
    for name, section in everybody.items():
        blocks = [(_COUNTED, counted[name])] if name in counted else []
        tables.append(_table(key, section, [*blocks, (_EVERYBODY, section)], of_form, notes))
    return [*tables, *_agreement(key, analysis, notes)]


def _table(
    key: Key,
    section: Section,
    parts: Sequence[tuple[str, Section]],
    published: Sequence[PublishedStudy],
    notes: Sequence[str],
) -> Table:
    beside = [one for one in published if one.measure in section.measures]
    columns = tuple(
        Column(name, name, one.title, one.unit, one.better, stand_in=False, ours=True,
               published=any(other.measure == name for other in beside))
        for name, one in section.measures.items()
    )  # fmt: skip
    blocks = [Block(title, "methods", tuple(_row(line, section) for line in part.lines)) for title, part in parts]
    sources = list(dict.fromkeys(one.source for one in beside))
    marks = {source: chr(ord("a") + index) for index, source in enumerate(sources)}
    if beside:
        rows = tuple(_quoted(one, section, marks[one.source]) for one in beside)
        blocks.append(Block(_PUBLISHED, "methods", rows))
    told = [*(("", note) for note in notes), *((marks[source], source) for source in sources)]
    return Table(
        f"{key.design.study}-{section.name}",
        f"{section.title}: {key.design.study}",
        f"“{key.design.asked}”",
        columns,
        tuple(blocks),
        tuple(told),
        reading=f"{section.caption} n: votes, where nothing else is said; in brackets 95 % intervals.",
    )


def _row(line: Line, section: Section) -> Row:
    cells = tuple(_cell(line.values.get(name)) for name in section.measures)
    return Row(line.label, cells, (None,) * len(cells), calibration=line.calibration)


def _quoted(one: PublishedStudy, section: Section, mark: str) -> Row:
    width = len(section.measures)
    found = tuple(
        Published(value=one.value, spread=one.spread) if name == one.measure else None for name in section.measures
    )
    return Row(one.label, (None,) * width, found, external=True, marks=(mark,))


def _cell(found: Estimate | None) -> Cell | None:
    if found is None:
        return None
    return Cell(found.value, found.low, found.high, found.n, 1, complete=True, protocol="")


def _agreement(key: Key, analysis: Analysis, notes: Sequence[str]) -> list[Table]:
    parts: list[tuple[str, Findings]] = [(_COUNTED, analysis.counted), (_EVERYBODY, analysis.everybody)]
    blocks = []
    for title, findings in parts:
        rows = tuple(
            Row(name, tuple(_cell(found.get(over)) for over in _AGREEMENT), (None,) * len(_AGREEMENT))
            for name, found in findings.agreement.items()
            if found
        )
        blocks += [Block(title, "methods", rows)] if rows else []
    if not blocks:
        return []
    columns = tuple(
        Column(name, name, title, "", "higher", stand_in=False, ours=True, published=False)
        for name, title in _AGREEMENT.items()
    )
    reading = (
        "Krippendorff's alpha of raters on items: 1 is perfect agreement, 0 chance; ordinal for ratings. Intervals: a "
        "bootstrap over items, and leaving out each rater once. n: votes."
    )
    name = f"{key.design.study}-agreement"
    title = f"How much raters agree: {key.design.study}"
    return [Table(name, title, "", columns, tuple(blocks), tuple(("", note) for note in notes), reading=reading)]


def told(key: Key, collected: Collected, analysis: Analysis) -> list[str]:
    """What holds for all tables: how many raters, whom the study's rules exclude, whether a computer answered."""
    rules = {name: value for name, value in key.design.exclude.model_dump().items() if value is not None}
    said = ", ".join(f"{name}={value:g}" for name, value in rules.items()) or "none"
    counts = ", ".join(f"{reason}: {number}" for reason, number in sorted(analysis.excluded.items())) or "nobody"
    lines = [
        f"{analysis.everybody.raters} raters, of whom {analysis.counted.raters} count "
        f"({analysis.counted.answers} answers). Excluded by the study's rules ({said}): {counts}."
    ]
    simulated = sum(session.rater.startswith(SIMULATED) for session in collected.sessions)
    if simulated:
        lines.insert(0, f"Simulated: {simulated} of {len(collected.sessions)} raters are played by a computer.")
    return lines


def write_results(
    key: Key, collected: Collected, analysis: Analysis, tables: Sequence[Table], notes: Sequence[str], out: Path
) -> None:
    """Write ``results.json``, every table in all formats, and ``index.html`` with all of them.

    Args:
        key: of the study.
        collected: what was read.
        analysis: what came of it.
        tables: of `result_tables`.
        notes: of `told`.
        out: folder.

    Raises: ConfigError where something lies there that onereel did not write.
    """
    content: dict[str, Any] = {
        "study": key.id,
        "name": key.design.study,
        "design": key.design.model_dump(mode="json"),
        "notes": notes,
    }
    content |= {"excluded": dict(analysis.excluded)}
    content |= {"refused": [list(one) for one in collected.refused]}
    content |= {"with_exclusions": _plain(analysis.counted), "everybody": _plain(analysis.everybody)}
    write_result(results_in(out, ()), content, {".html": lambda path: _write_page(path, key, tables, notes, collected)})
    for table in tables:
        texts = {suffix: render(table) for suffix, render in RENDERERS.items()}
        writers = {suffix: lambda path, text=text: path.write_text(text, "utf-8") for suffix, text in texts.items()}
        write_result(results_in(out, RENDERERS, table.name), {"title": table.title}, writers)


def results_in(out: Path, suffixes: Mapping[str, Any] | Sequence[str], name: str = "results") -> Result:
    """What `write_results` writes: all of it, or a table."""
    return Result("metrics", out, name, tuple(suffixes) or (".html",))


def check_results(key: Key, analysis: Analysis, out: Path, reads: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to write over what is not ours.

    Raises: ConfigError naming the file.
    """
    names = [table.name for table in result_tables(key, analysis, (), ())]
    results = [results_in(out, ()), *(results_in(out, RENDERERS, name) for name in names)]
    check_outputs(results, reads, overwrite=overwrite)


def _plain(findings: Findings) -> dict[str, Any]:
    return asdict(findings)


def _write_page(path: Path, key: Key, tables: Sequence[Table], notes: Sequence[str], collected: Collected) -> None:
    style = (Path(__file__).parents[1] / "templates/report.css").read_text(encoding="utf-8")
    page = environment().get_template("study_results.html.j2").render(
        design=key.design,
        notes=notes,
        refused=collected.refused,
        style=style,
        tables=[(table, RENDERERS[".html"](table)) for table in tables],
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")
