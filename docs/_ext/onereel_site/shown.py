"""Pieces of pages that show what the results' notebook saved."""

import html
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from onereel.metrics.registry import REGISTRY
from onereel_site.saved import FOLDER, NOTEBOOK, figures, film_of, values

_PICTURES = Path(__file__).parents[2] / "pictures"
_STAND_IN = "Made with a stand-in for the published network: compare within this table only."


class Figure(SphinxDirective):
    """A figure of the notebook, by its cell's tag: ```` ```{onereel-figure} figure-NAME ````."""

    required_arguments = 1
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012 # docutils'

    def run(self) -> list[nodes.Node]:
        """The picture."""
        (tag,) = self.arguments
        if tag not in figures():
            raise self.error(f"no cell of {NOTEBOOK.name} has the tag '{tag}' and a picture")
        self.env.note_dependency(str(NOTEBOOK))
        source = f"{_root(self)}{FOLDER}/{tag}.png"
        return [nodes.raw("", f'<img src="{source}" alt="{html.escape(self.options["alt"])}">', format="html")]


class Film(SphinxDirective):
    """A film of ``docs/pictures`` with its caption; nothing where nobody made it yet (benchmarks/docs_pictures.py)."""

    required_arguments = 1
    has_content = True
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012 # docutils'

    def run(self) -> list[nodes.Node]:
        """Picture and caption."""
        path = _PICTURES / self.arguments[0]
        self.env.note_dependency(str(path))
        if not path.is_file():
            return []
        holder = nodes.container(classes=["film"])
        holder += nodes.image(uri=f"/pictures/{path.name}", alt=self.options["alt"])
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        return [holder, *caption.children]


class Damages(SphinxDirective):
    """What a metric says of a damaged clip: a row for each case, with its film, its value and a bar."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table, and a note where the network was a stand-in."""
        metric = REGISTRY[self.arguments[0]]
        self.env.note_dependency(str(NOTEBOOK))
        numbers = {case: row.get(metric.name, "") for case, row in values().items()}
        if not any(numbers.values()):
            raise self.error(f"{NOTEBOOK.name} has no values of {metric.name}: run it again")
        most = max(abs(float(text)) for text in numbers.values() if text not in ("", "inf", "nan")) or 1
        rows = "".join(_row(_root(self), case, text, most) for case, text in numbers.items())
        arrow = {"lower": "less is better", "higher": "more is better", None: ""}[metric.better]
        head = f"<tr><th>film</th><th>what was done</th><th>{html.escape(metric.title)}</th><th>{arrow}</th></tr>"
        table = f'<div class="table-wrapper"><table class="docutils cases"><thead>{head}</thead>{rows}</table></div>'
        found: list[nodes.Node] = [nodes.raw("", table, format="html")]
        if metric.extractor:
            found.append(nodes.paragraph("", "", nodes.emphasis(_STAND_IN, _STAND_IN)))
        return found


def _root(directive: SphinxDirective) -> str:
    return "../" * directive.env.docname.count("/")


def _row(root: str, case: str, text: str, most: float) -> str:
    shown = {"": "–", "nan": "–", "inf": "∞"}.get(text, text)
    width = 0.0 if shown in "–∞" else max(0.0, float(text)) / most * 100
    film = (
        f'<video src="{root}{FOLDER}/{film_of(case)}" width="64" height="64" autoplay loop muted playsinline></video>'
    )
    bar = f'<div class="bar" style="width:{width:.0f}%"></div>'
    return f"<tr><td>{film}</td><td>{html.escape(case)}</td><td>{shown}</td><td>{bar}</td></tr>"
