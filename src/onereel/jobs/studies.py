"""Films of a study: samples, sources and right answers by reference, and films that are spoilt on purpose."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from onereel import ingest
from onereel.studies.design import INPUT, TRUTH
from onereel.studies.items import SPOILED, Subject
from onereel.video.clip import Clip, read
from onereel.video.corruptions import corrupt

if TYPE_CHECKING:
    from onereel.scenes.world import EditSet

EDIT = "edit"
"""Of a reference ``edit:input:NAME`` or ``edit:truth:NAME``: the source or the right answer of a known edit."""
_RUIN = ("shuffle", "colour", "noise")  # one after the other, at full strength: nobody who looks takes it for better
_FULL = 5


def film_loader(edits: "EditSet | None" = None) -> Callable[[str], Clip]:
    """What turns a reference into a clip.

    Args:
        edits: the known edits of a study of such.

    Returns: a function that takes paths of clips and samples, ``edit:input:NAME``, ``edit:truth:NAME``, and any of
    them behind ``spoilt:``. It raises ClipError for what cannot be read.
    """

    def load(reference: str) -> Clip:
        if reference.startswith(SPOILED):
            return spoilt(load(reference.removeprefix(SPOILED)))
        kind, _, rest = reference.partition(":")
        if kind == EDIT and edits is not None:
            from onereel.scenes.world import known_edit

            what, _, name = rest.partition(":")
            found = known_edit(**edits.requests[name])
            return Clip({INPUT: found.source, TRUTH: found.answer}[what], found.fps)
        path = Path(reference)
        return read(path) if path.suffix == ".mkv" else ingest.load(path)

    return load


def spoilt(clip: Clip) -> Clip:
    """A film that is plainly worse: frames out of order, colours off, noise over all."""
    frames = clip.frames
    for kind in _RUIN:
        frames = corrupt(frames, kind, _FULL)
    return Clip(frames, clip.fps)


def there(subjects: Sequence[Subject]) -> tuple[list[Subject], tuple[str, ...]]:
    """The subjects with those films that exist, and the paths of the others. Sample by sample: a gap closes none up."""
    missing: list[str] = []
    found = []
    for subject in subjects:
        films = {}
        for method, references in subject.films.items():
            lacking = [one for one in references if not one.startswith(f"{EDIT}:") and not Path(one).is_file()]
            missing += lacking
            if not lacking:
                films[method] = references
        found.append(replace(subject, films=films))
    return found, tuple(missing)
