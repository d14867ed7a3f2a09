"""Directives that put what the code says into a page: ```` ```{onereel-settings} vgpnn ````."""

from collections.abc import Callable
from typing import ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from onereel_site import tables


class _Generated(SphinxDirective):
    """Markdown that a function makes of the directive's arguments."""

    has_content = False
    optional_arguments = 20
    make: ClassVar[Callable[..., str]]

    def run(self) -> list[nodes.Node]:
        """What the Markdown becomes."""
        text = type(self).make(*self.arguments)
        holder = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source=self.env.docname), self.content_offset, holder)
        return holder.children


def _directive(function: Callable[..., str]) -> type[SphinxDirective]:
    return type(function.__name__, (_Generated,), {"make": staticmethod(function)})


DIRECTIVES = {
    "onereel-methods": _directive(tables.method_table),
    "onereel-method": _directive(tables.method_facts),
    "onereel-methods-for": _directive(lambda *tasks: tables.methods_for(tasks)),
    "onereel-settings": _directive(tables.settings_tables),
    "onereel-metrics": _directive(tables.metric_table),
    "onereel-metric": _directive(tables.metric_facts),
}
