"""``edits.csv``: what editors are asked, one line an edit; and their outputs as edits to be measured.

`onereel benchmark export` writes such sheets of known edits, `onereel benchmark import` of public benchmarks.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from onereel import ingest
from onereel.base.errors import ClipError, ConfigError, MetricError, OnereelError
from onereel.base.parsing import Layout, read_rows
from onereel.metrics.align import align_clips
from onereel.metrics.edits.summary import MOVED
from onereel.metrics.measures.base import Edit, Questions
from onereel.video.clip import Clip

_QUESTIONS = {"source_question": "old", "target_question": "new", "choice_question": "choice"}
COLUMNS = ("name", "kind", "prompt", "source_prompt", "source", "mask", "motion", "benchmark", "output", *_QUESTIONS)
_FURTHER = ("answer", "attribute", "before", "after")  # of known edits
_LAYOUT = Layout("sheet of edits", (*COLUMNS, *_FURTHER), ("name", "source"), separators=",\t;")
_MOTIONS = {"keeps": False, "changes": True}
MASK_LEVEL = 64  # of 255: what JPEG leaves beside a mask lies below, the palette of up to 31 things (DAVIS) above
_SCENE = "scene:"
_VIDEOS = (".mkv", ".mp4", ".webm", ".mov", ".avi", ".gif", ".png")


@dataclass(frozen=True)
class Asked:
    """A line of the sheet.

    Attributes:
        name: of the edit; its output is called so.
        source: the clip to edit.
        kind: as the benchmark calls it.
        prompt, source_prompt: what the edit should show, and what the source shows; empty where nobody said.
        mask: video or pictures, white where pixels may change; None where nobody said.
        moves: whether the edit is to change the motion, or what moves.
        benchmark: where it is from; empty for nowhere.
        output: where the benchmark's own layout has an editor's output, below the folder of outputs.
        answer: the right edit; None where there is none.
        questions: what a judge is asked about it; None where there are none.
    """

    name: str
    source: Path
    kind: str = ""
    prompt: str = ""
    source_prompt: str = ""
    mask: Path | None = None
    moves: bool = False
    benchmark: str = ""
    output: str = ""
    answer: Path | None = None
    questions: Questions | None = None


def read_sheet(path: Path) -> list[Asked]:
    """The lines of a sheet; its paths are relative to it.

    Raises: ConfigError for what does not fit, naming the line.
    """
    found: dict[str, Asked] = {}
    for where, cells in read_rows(path, _LAYOUT):
        name, kind = cells["name"], cells.get("kind", "")
        if name in found:
            raise ConfigError(where, f"edit '{name}' stands twice", "name each edit once")
        if (motion := cells.get("motion", "")) and motion not in _MOTIONS:
            raise ConfigError(where, f"motion '{motion}' is unknown", "write keeps, changes, or nothing")
        found[name] = Asked(
            name=name,
            source=_found(path.parent, cells["source"]),
            kind=kind,
            prompt=cells.get("prompt", ""),
            source_prompt=cells.get("source_prompt", ""),
            mask=_found(path.parent, cells["mask"]) if cells.get("mask") else None,
            moves=_MOTIONS[motion] if motion else kind in MOVED,
            benchmark=cells.get("benchmark", ""),
            output=cells.get("output", ""),
            answer=_found(path.parent, cells["answer"]) if cells.get("answer") else None,
            questions=_questions(cells),
        )
    if not found:
        raise ConfigError(f"'{path}'", "holds no edit", "write a line for each below the header")
    return list(found.values())


def sheet_text(edits: Iterable[Asked], folder: Path) -> str:
    """A sheet as text; paths in `folder`, where it will lie, are relative to it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for edit in edits:
        row = {key: getattr(edit, key) for key in COLUMNS if key not in ("motion", "source", "mask", *_QUESTIONS)}
        row |= {column: getattr(edit.questions, part, "") for column, part in _QUESTIONS.items()}
        row |= {"motion": "changes" if edit.moves else "keeps", "source": _relative(edit.source, folder)}
        row |= {"mask": "" if edit.mask is None else _relative(edit.mask, folder)}
        writer.writerow(row)
    return text.getvalue()


def find_outputs(asked: Sequence[Asked], folder: Path) -> dict[str, str]:
    """An editor's outputs by the names of the edits: where the benchmark's own layout has them, or called as the edit.

    Raises: ConfigError if there is none at all.
    """
    named = {}
    if any(_is_series(path) for path in [folder, *folder.iterdir()] if path.is_dir()) or any(
        path.suffix in _VIDEOS for path in folder.iterdir()
    ):
        try:
            named = ingest.find_samples(folder).samples
        except ClipError:
            named = {}  # a benchmark's own layout is no folder of samples
    found = {}
    for edit in asked:
        place = _place(folder, edit.output) if edit.output else None
        if (output := place or named.get(edit.name) or _place(folder, edit.name)) is not None:
            found[edit.name] = str(output)
    if not found:
        first = asked[0]
        wanted = " or ".join(f"'{name}'" for name in (first.name, first.output) if name)
        problem = f"holds no output of the {len(asked)} edits"
        raise ConfigError(
            f"'{folder}'", problem, f"call them as the edits, the first {wanted} (.mp4, .mkv or a folder)"
        )
    return found


def load_edits(
    asked: Sequence[Asked], outputs: Mapping[str, str], missing: dict[str, str], *, align: str = ""
) -> Iterator[Edit]:
    """Edits ready to be measured, those of one source in a row.

    Args:
        asked: lines of the sheet.
        outputs: an editor's, by the names of the edits.
        missing: filled with what has no usable output, by name, and why.
        align: what may be done to outputs of another length or size, as in `align_clips`.

    Raises: ClipError, MetricError for a source or mask that cannot be used.
    """
    for source, group in groupby(sorted(asked, key=lambda edit: str(edit.source)), key=lambda edit: edit.source):
        clip: Clip | None = None
        for edit in group:
            if edit.name not in outputs:
                missing[edit.name] = "no output"
                continue
            clip = clip or ingest.load(str(source))
            try:
                output = ingest.load(outputs[edit.name])
                aligned = align_clips(clip, {edit.name: output}, align)
            except OnereelError as error:
                missing[edit.name] = str(error)
                continue
            assert aligned.reference is not None
            yield _edit(edit, aligned.reference, aligned.samples[edit.name])


def read_mask(path: Path | str, size: tuple[int, int, int], where: str) -> np.ndarray:
    """What may change, (T, H, W) bool: pixels of which any colour is at least `MASK_LEVEL`; one picture holds for all
    frames.

    Raises: ClipError if it cannot be read; MetricError if it is of another size, or shorter.
    """
    frames = ingest.load(str(path), allow_single=True).frames
    mask: np.ndarray = frames.max(-1) >= MASK_LEVEL
    if len(mask) == 1:
        mask = mask.repeat(size[0], 0)
    if mask.shape[1:] != size[1:] or len(mask) < size[0]:
        found, wanted = ("x".join(map(str, shape)) for shape in (mask.shape, size))
        raise MetricError(where, f"its mask is {found} (frames x height x width), its source {wanted}", "fit the mask")
    return mask[: size[0]]


def _edit(asked: Asked, source: Clip, output: Clip) -> Edit:
    where = f"edit '{asked.name}'"
    truth = None
    if asked.answer is not None and asked.answer.exists():
        answer = ingest.load(str(asked.answer)).frames[: source.size[0]]
        truth = answer if answer.shape == source.frames.shape else None
    return Edit(
        name=asked.name,
        source=source.frames,
        output=output.frames,
        prompt=asked.prompt,
        source_prompt=asked.source_prompt,
        mask=None if asked.mask is None else read_mask(asked.mask, source.size, where),
        kind=asked.kind,
        moves=asked.moves,
        truth=truth,
        questions=asked.questions,
    )


def _questions(cells: Mapping[str, str]) -> Questions | None:
    found = Questions(**{part: cells.get(column, "") for column, part in _QUESTIONS.items()})
    return found if found != Questions() else None


def _place(folder: Path, name: str) -> Path | None:
    """A folder of pictures or a video of that name below a folder."""
    path = folder / name
    if path.is_dir() and _is_series(path):
        return path
    return next((file for suffix in _VIDEOS if (file := path.with_name(path.name + suffix)).is_file()), None)


def _is_series(path: Path) -> bool:
    return any(file.suffix.lower() in (".png", ".jpg", ".jpeg") for file in path.iterdir())


def _found(folder: Path, cell: str) -> Path:
    """A cell's path; a scene is no file."""
    return Path(cell) if cell.startswith(_SCENE) else folder / cell


def _relative(path: Path, folder: Path) -> str:
    if str(path).startswith(_SCENE):
        return str(path)
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
