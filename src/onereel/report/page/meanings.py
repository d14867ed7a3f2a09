"""What a number means: what each metric says of itself, and what it makes of known ways to spoil a clip."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from onereel.report.load.project import DONE, Project
from onereel.report.tables.build import values_of

_OWN = {
    "training": (
        "Training",
        (
            "How long everything was trained that the samples were drawn from: the parts of all stages, one after the "
            "other, over all attempts. Methods without training need none for a new clip.",
        ),
        ("Wall time on the machine that the table names; it does not compare across machines.",),
    ),
    "runtime": (
        "Time per sample",
        ("How long it took to draw one sample, once everything is trained.",),
        (
            "Wall time; of samples that were drawn together, an equal share.",
            "Read it beside the training: a fast sample may have cost days before.",
        ),
    ),
    "first_sample": (
        "Training and one sample",
        ("How long it takes from a new clip to its first sample: training and drawing together.",),
        ("The VGPNN paper compares this for HP-VAE-GAN, as a column called runtime.",),
    ),
    "memory": (
        "Peak memory",
        ("The most main memory that the process had while it drew samples.",),
        ("Resident memory of the process; memory of a GPU is not in it.",),
    ),
}


@dataclass(frozen=True)
class Meaning:
    """One metric.

    Attributes:
        name: key of its anchor.
        title: its heading.
        text: what it is, paragraph by paragraph.
        points: range, direction, what it sees and what it does not.
        known: means over this project's calibration runs: (what was done to the input, value).
        protocols: how it was measured here.
    """

    name: str
    title: str
    text: tuple[Markup, ...]
    points: tuple[Markup, ...]
    known: tuple[tuple[str, float], ...] = ()
    protocols: tuple[str, ...] = ()


def meanings(project: Project) -> tuple[Meaning, ...]:
    """Every metric that the project measured, then time and memory."""
    from onereel.metrics.registry import REGISTRY

    records = [record for run in project.runs for record in run.records]
    names = sorted(dict.fromkeys(record.metric for record in records), key=_order(list(REGISTRY)))
    found = []
    for name in names:
        if name not in REGISTRY:
            continue  # made elsewhere: nothing is known of it
        title, text, points = _described(inspect.cleandoc(_documentation(REGISTRY[name])))
        own = [record for record in records if record.metric == name]
        found.append(
            Meaning(
                name=name,
                title=title or REGISTRY[name].title,
                text=text,
                points=points,
                known=tuple(_known(project, name)),
                protocols=tuple(dict.fromkeys(record.protocol for record in own if record.protocol)),
            )
        )
    drawn = any(run.samples for run in project.runs)
    own_ones = [
        Meaning(name, title, tuple(map(escape, text)), tuple(map(escape, points)))
        for name, (title, text, points) in _OWN.items()
    ]
    return (*found, *(own_ones if drawn else ()))


def _documentation(metric: object) -> str:
    return sys.modules[type(metric).__module__].__doc__ or ""


def _order(names: Sequence[str]) -> Callable[[str], int]:
    return lambda name: names.index(name) if name in names else len(names)


def _described(text: str) -> tuple[str, tuple[Markup, ...], tuple[Markup, ...]]:
    """A module's documentation as heading, paragraphs and points."""
    head, _, rest = text.partition("\n\n")
    paragraphs, points = [], []
    for block in re.split(r"\n\n|\n(?=- )", rest):
        words = " ".join(block.split())
        if words.startswith("- "):
            points.append(_marked(words[2:]))
        elif words:
            paragraphs.append(_marked(words))
    return " ".join(head.split()).rstrip("."), tuple(paragraphs), tuple(points)


def _marked(text: str) -> Markup:
    """Text with its literals as code."""
    return Markup(re.sub(r"``([^`]+)``|`([^`]+)`", lambda found: f"<code>{found[1] or found[2]}</code>", escape(text)))


def _known(project: Project, metric: str) -> Iterator[tuple[str, float]]:
    """What the metric makes of the calibration runs, each a mean over clips."""
    runs = [run for run in project.runs if run.calibration and run.status == DONE]
    for title in dict.fromkeys(run.title for run in runs):
        by_clip = values_of([run for run in runs if run.title == title], metric)
        if by_clip:
            means = [sum(values) / len(values) for values in by_clip.values()]
            yield title, sum(means) / len(means)
