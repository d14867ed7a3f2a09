"""BibTeX of the papers behind a report: of every method and every metric that it shows.

A method's lie in its package, the metrics' beside them: ``papers.bib``, one field a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from onereel.base.errors import MethodError
from onereel.methods import Method, load_method
from onereel.report.load.project import Project

_NAME = "papers.bib"
_ENTRY = re.compile(r"^@\w+\{([^,\s]+),\n.*?^\}$", re.DOTALL | re.MULTILINE)
_KEYWORDS = re.compile(r",?\n\s*keywords\s*=\s*\{([^}]*)\},?")


@dataclass(frozen=True)
class Paper:
    """One entry.

    Attributes:
        key: its BibTeX key.
        bibtex: the entry as it is to be copied.
        used: titles of the methods and metrics that come from it.
    """

    key: str
    bibtex: str
    used: tuple[str, ...]


def papers(project: Project) -> tuple[Paper, ...]:
    """The papers of what the project shows, methods' first, each once."""
    found: dict[str, tuple[str, dict[str, None]]] = {}
    for key, entry, user in [*_of_methods(project), *_of_metrics(project)]:
        found.setdefault(key, (entry, {}))[1][user] = None
    return tuple(Paper(key, entry, tuple(users)) for key, (entry, users) in found.items())


def to_bibtex(found: tuple[Paper, ...]) -> str:
    """A file of them, each under what it is cited for."""
    return "\n".join(f"% {', '.join(paper.used)}\n{paper.bibtex}\n" for paper in found)


def _of_methods(project: Project) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys(run.row.method for run in project.runs if not run.calibration):
        try:
            method = load_method(name)
        except MethodError:
            continue  # other people's samples
        for key, entry, _ in _entries(Path(str(files("onereel.methods") / name / _NAME))) or _unlisted(method):
            yield key, entry, method.title


def _of_metrics(project: Project) -> Iterator[tuple[str, str, str]]:
    shown = {record.metric: record.column for run in project.runs for record in run.records}
    listed = _entries(Path(str(files("onereel.metrics") / _NAME)))
    for key, entry, metrics in listed:
        for metric in metrics:
            if metric in shown:
                yield key, entry, shown[metric].split(" (")[0]


def _entries(path: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Key, text and keywords of every entry; the text is without the keywords."""
    if not path.is_file():
        return []
    found = []
    for entry in _ENTRY.finditer(path.read_text(encoding="utf-8")):
        keywords = _KEYWORDS.search(entry[0])
        words = tuple(word.strip() for word in keywords[1].split(",")) if keywords else ()
        found.append((entry[1], _KEYWORDS.sub("", entry[0]), words))
    return found


def _unlisted(method: Method) -> list[tuple[str, str, tuple[str, ...]]]:
    """A method without a file of its own is cited by what it says of its paper; one that has none is not."""
    if not method.paper:
        return []
    return [(method.name, f"@misc{{{method.name},\n  title = {{{method.paper}}}\n}}", ())]
