"""A table as csv (numbers, for programs), Markdown, LaTeX (booktabs and xcolor) and an HTML fragment.

Every text that a user wrote is escaped for its format.
"""

import csv
import io
import math
import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping

from onereel.project.tables import Published
from onereel.report.tables.model import Block, Cell, Column, Row, Table
from onereel.report.tables.numerals import numeral
from onereel.report.templating import environment

_PANEL_WIDTH = 8.0  # measured columns beside one another on a page
_PUBLISHED_WIDTH = 0.6  # of a column of published values, in measured ones
_TITLE_WIDTH = 14  # characters in one line of a header

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "σ": r"$\sigma$",
    "†": r"$\dagger$",
    "∞": r"$\infty$",
    "−": r"$-$",
    "[": "{[}",  # a bracket after a line break would be taken for a length
    "]": "{]}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "°": r"$^\circ$",
    "\N{SUPERSCRIPT TWO}": r"$^2$",
    "\N{NO-BREAK SPACE}": "~",
}


def to_csv(table: Table) -> str:
    """Comma-separated values, one row each: mean, interval, n and published value of every column; no rounding."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["block", "row", "kind", "preset", "failed", "notes", *_csv_header(table)])
    notes = dict(table.notes)
    for block in table.blocks:
        for row in block.rows:
            texts = [
                block.title,
                row.label,
                _kind(row),
                row.preset,
                row.failure,
                " ".join(notes.get(m, "") for m in row.marks),
            ]
            writer.writerow([*map(_inert, texts), *_csv_values(table, row)])
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table with its caption above and its notes below; published values in columns of their own, in italics."""
    header = ["", *(_md_header(column) for column in _split(table))]
    lines = [f"**{_md(table.title)}.** {_md(table.caption)}".strip(), "", _md_line(header)]
    lines.append(_md_line(["---", *("---:" for _ in header[1:])]))
    width = len(header) - 1
    for block in table.blocks:
        if block.title:
            lines.append(_md_line([f"**{_md(block.title)}**{_md_marks((block.mark,))}", *[""] * width]))
        lines += [_md_line([_md(_label(row)) + _md_marks(row.marks), *_md_cells(table, row)]) for row in block.rows]
    lines.append("")
    lines += [f"{_md_marks((mark,))} {_md(text)}  ".lstrip() for mark, text in _all_notes(table)]
    return "\n".join(lines).rstrip() + "\n"


def to_latex(table: Table) -> str:
    r"""A ``table*`` environment; its document needs ``\usepackage{booktabs,xcolor}`` and nothing else.

    Columns that do not fit beside one another continue in a second panel below.
    """
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage{xcolor}",
        r"\begin{table*}[t]",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{\textbf{{{latex(table.title)}.}} {latex(table.caption)}}}",
        rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]', '-', table.name)}}}",
    ]
    for index, panel in enumerate(_panels(table)):
        lines += [r"\par\medskip"] if index else []
        lines += _tex_panel(panel)
    notes = [f"{_tex_marks((mark,))}{latex(text)}" for mark, text in _all_notes(table)]
    lines.append(rf"\par\smallskip\parbox{{\linewidth}}{{\raggedright\tiny {' '.join(notes)}}}")
    return "\n".join([*lines, r"\end{table*}", ""])


def _panels(table: Table) -> list[Table]:
    """The table in as few parts, of about equal width, as a page is wide."""
    widths = [column.ours + _PUBLISHED_WIDTH * column.published for column in table.columns]
    count = max(math.ceil(sum(widths) / _PANEL_WIDTH), 1)
    parts: list[list[int]] = [[] for _ in range(count)]
    done = 0.0
    for index, width in enumerate(widths):
        parts[min(int((done + width / 2) * count / sum(widths)), count - 1)].append(index)
        done += width
    return [table.narrowed(part) for part in parts if part]


def _tex_panel(table: Table) -> list[str]:
    columns = _split(table)
    lines = [rf"\begin{{tabular}}{{@{{}}l{'r' * len(columns)}@{{}}}}", r"\toprule", _tex_header(columns), r"\midrule"]
    for index, block in enumerate(table.blocks):
        lines += [r"\midrule"] if index else []
        lines += _tex_block(table, block, len(columns))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def to_html(table: Table) -> str:
    """A ``<figure>`` with the table, its caption and its notes; styled by the report's style sheet."""
    return environment().get_template("table.html.j2").render(table=table, notes=_all_notes(table))


RENDERERS: Mapping[str, Callable[[Table], str]] = {
    ".csv": to_csv,
    ".md": to_markdown,
    ".tex": to_latex,
    ".html": to_html,
}
"""Every format of a table, by the suffix of its file."""


def latex(text: str) -> str:
    """Text that LaTeX prints as it is; characters that plain pdflatex cannot set are spelt as code points."""
    return "".join(_LATEX.get(character) or _tex_character(character) for character in text)


def _tex_character(character: str) -> str:
    if " " <= character <= "~" or "¡" <= character <= "ÿ":
        return character
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain if plain.isalnum() else f"[U+{ord(character):04X}]"


def _all_notes(table: Table) -> list[tuple[str, str]]:
    text = (
        f"Mean over {table.over}, with 95 % bootstrap interval in brackets; n: number of values. Bold: best, no ties."
    )
    text = table.reading or text
    return [("", text), *table.notes]


def _split(table: Table) -> list[tuple[Column, bool]]:
    """The printed columns: (column, whether it is the published one)."""
    columns = []
    for column in table.columns:
        columns += [(column, False)] if column.ours else []
        columns += [(column, True)] if column.published else []
    return columns


def _label(row: Row) -> str:
    return f"{row.label} ({row.partly})" if row.partly else row.label


def _kind(row: Row) -> str:
    if row.calibration:
        return "calibration"
    return "external" if row.external else "method"


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _csv_header(table: Table) -> list[str]:
    names = []
    for column, published in _split(table):
        name = column.title + (" *" if column.stand_in else "") + (f" [{column.unit}]" if column.unit else "")
        if published:
            names += [f"{name} published", f"{name} published spread"]
        else:
            names += [name, f"{name} low", f"{name} high", f"{name} n", f"{name} clips", f"{name} best"]
    return [_inert(name) for name in names]


def _csv_values(table: Table, row: Row) -> list[str]:
    values: list[object] = []
    for column, cell, published in zip(table.columns, row.cells, row.published, strict=True):
        if column.ours:
            values += [cell.mean, cell.low, cell.high, cell.n, cell.clips, int(cell.best)] if cell else [None] * 6
        if column.published:
            values += [published.value, published.spread] if published else [None] * 2
    return ["" if value is None else str(value) for value in values]


def _md(text: str) -> str:
    text = re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", text)
    return " ".join(text.split())


def _md_line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _md_marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(map(_md, marks))}</sup>" if any(marks) else ""


def _md_header(item: tuple[Column, bool]) -> str:
    column, published = item
    unit = f" [{_md(column.unit)}]" if column.unit else ""
    if published:
        return "*published*" if column.ours else f"*{_md(column.title)}{unit}, published*"
    mark = r"\*" if column.stand_in else ""
    return f"{_md(column.title)}{mark}{unit} {column.arrow}".strip()


def _md_cells(table: Table, row: Row) -> list[str]:
    printed = []
    for column, cell, published in zip(table.columns, row.cells, row.published, strict=True):
        if column.ours:
            printed.append(_md_cell(cell))
        if column.published:
            printed.append(f"*{_published(published)}*" if published else "")
    if row.failure and printed:
        printed[0] = f"failed: {_md(row.failure)}"
    return printed


def _md_cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    number = numeral(cell.mean, cell.low, cell.high)
    mean = f"**{number.mean}**" if cell.best else number.mean
    interval = f" [{number.low}, {number.high}]" if number.low else ""
    power = f" ×10<sup>{number.exponent}</sup>" if number.exponent else ""
    return f"{mean}{interval}{power} (n={cell.n})"


def _published(published: Published, plus_minus: str = "±", dagger: str = "†") -> str:
    decimals = f"{published.value:.10g}"
    spread = f" {plus_minus} {published.spread:.10g}" if published.spread is not None else ""
    return f"{decimals}{spread}{dagger if published.second_hand else ''}"


def _tex_header(columns: list[tuple[Column, bool]]) -> str:
    titles = []
    for column, published in columns:
        lines = [latex(part) for part in textwrap.wrap(column.title, _TITLE_WIDTH, break_long_words=False)]
        if column.stand_in:
            lines[-1] += r"\textsuperscript{*}"
        unit = latex(f"{f'[{column.unit}]' if column.unit else ''} {column.arrow}".strip())
        lines += [unit] if unit else []
        if published:
            lines = [*lines, "published"] if not column.ours else ["published"]
            lines = [rf"\textcolor{{gray}}{{{line}}}" for line in lines]
        titles.append(_tex_stack(lines, "b"))
    return rf" & {' & '.join(titles)} \\"


def _tex_stack(lines: list[str], place: str) -> str:
    """Lines of one cell above one another, right-aligned; the top (t) or bottom (b) line is on the row's baseline."""
    if len(lines) == 1:
        return lines[0]
    return rf"\begin{{tabular}}[{place}]{{@{{}}r@{{}}}}" + r" \\ ".join(lines) + r"\end{tabular}"


def _tex_block(table: Table, block: Block, width: int) -> list[str]:
    lines = []
    if block.title:
        lines.append(
            rf"\multicolumn{{{width + 1}}}{{@{{}}l}}{{\textit{{{latex(block.title)}}}{_tex_marks((block.mark,))}}} \\"
        )
    for row in block.rows:
        lines.append(rf"{latex(_label(row))}{_tex_marks(row.marks)} & {' & '.join(_tex_cells(table, row, width))} \\")
    return lines


def _tex_marks(marks: tuple[str, ...]) -> str:
    return rf"\textsuperscript{{{','.join(map(latex, marks))}}}" if any(marks) else ""


def _tex_cells(table: Table, row: Row, width: int) -> list[str]:
    if row.failure and not any(row.published):
        reason = rf"\raggedright\textcolor{{red!60!black}}{{failed: {latex(row.failure)}}}"
        return [rf"\multicolumn{{{width}}}{{p{{0.6\linewidth}}@{{}}}}{{{reason}}}"]
    printed = []
    for column, cell, published in zip(table.columns, row.cells, row.published, strict=True):
        if column.ours:
            printed.append(r"\textcolor{red!60!black}{failed}" if row.failure else _tex_cell(cell))
        if column.published:
            text = _published(published, r"$\pm$", r"\textsuperscript{$\dagger$}") if published else ""
            printed.append(rf"\textcolor{{gray}}{{{text}}}" if text else "")
    return printed


def _tex_cell(cell: Cell | None) -> str:
    if cell is None:
        return "--"
    number = numeral(cell.mean, cell.low, cell.high)
    mean = rf"\textbf{{{latex(number.mean)}}}" if cell.best else latex(number.mean)
    power = rf"$\,\cdot 10^{{{number.exponent}}}$" if number.exponent else ""
    interval = [rf"{{\tiny [{number.low}, {number.high}]}}"] if number.low else []
    return _tex_stack([f"{mean}{power}", *interval, rf"{{\tiny $n{{=}}{cell.n}$}}"], "t")
