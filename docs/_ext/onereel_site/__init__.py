"""What the documentation takes from the code while it is built: tables that cannot go stale, and a check of links."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from onereel_site.directives import DIRECTIVES
from onereel_site.docstrings import as_napoleon_reads
from onereel_site.links import refuse_broken
from onereel_site.saved import write_saved
from onereel_site.shown import Damages, Figure, Film


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_lexer("tsv", TextLexer)
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_directive("onereel-damages", Damages)
    app.add_directive("onereel-figure", Figure)
    app.add_directive("onereel-film", Film)
    app.connect("autodoc-process-docstring", as_napoleon_reads, priority=400)  # before napoleon's own
    app.connect("build-finished", write_saved, priority=400)  # before links are checked
    app.connect("build-finished", refuse_broken)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
