"""Edits written in the layouts of public benchmarks, for editors and evaluators that read nothing else.

Frames are JPEG of quality 95 where a layout wants ``.jpg``, and so lose a little; videos are H.264; masks PNG or, in
FiVE, JPEG. See `onereel.metrics.measures.layouts` for what lies where.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from onereel import ingest
from onereel.base.errors import ConfigError
from onereel.base.files import write_text
from onereel.base.names import did_you_mean
from onereel.metrics.measures.layouts import FIVE_KINDS, TGVE_COLUMNS, TGVE_CSV, TGVE_GROUPS, TGVE_KINDS
from onereel.metrics.measures.sheet import Asked, read_mask
from onereel.video import clip as clips
from onereel.video.clip import Frames

_QUALITY = 95
_TGVE = {
    **dict.fromkeys(("colour", "kind", "count", "size", "add"), "object"),
    **dict.fromkeys(("setting", "time", "weather"), "background"),
}
_FIVE = {"kind": "object_replacement_non_rigid", "add": "object_addition"}


def write_layout(kind: str, edits: Sequence[Asked], folder: Path) -> list[str]:
    """Write edits in a benchmark's layout.

    Args:
        kind: of `WRITERS`.
        edits: lines of a sheet.
        folder: must not exist yet, or be empty.

    Returns: names of edits that the layout has no place for: kinds that it does not know.
    Raises: ConfigError for an unknown kind, a folder that holds something, or edits of which none has a place.
    """
    if kind not in WRITERS:
        raise ConfigError(f"benchmark '{kind}'", "no such layout", did_you_mean(kind, WRITERS))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"'{folder}'", "is there already, and not empty", "name a new folder")
    left = [edit.name for edit in edits if _kind(kind, edit) is None]
    placed = [edit for edit in edits if edit.name not in left]
    if not placed:
        known = {"loveu": TGVE_KINDS, "five": FIVE_KINDS}.get(kind, ())
        raise ConfigError(f"layout '{kind}'", "has no place for any of the edits", f"its kinds are {', '.join(known)}")
    WRITERS[kind](placed, folder)
    return left


def _loveu(edits: Sequence[Asked], folder: Path) -> None:
    rows: list[list[str]] = [[*TGVE_COLUMNS], ["DAVIS Videos:"]]
    group = TGVE_GROUPS["davis"]
    # A line has room for one prompt of each kind: more edits of a source make more lines, of names of their own.
    for source, prompts in _lines(edits):
        name = source.name if source.number == 1 else f"{source.name}-{source.number}"
        rows.append([name, source.prompt, *(prompts.get(kind, "") for kind in TGVE_KINDS)])
        clip = ingest.load(str(source.path))
        clips.write_h264(_made(folder / group / "480p_videos" / f"{name}.mp4"), clip)
        _pictures(folder / group / "480p_frames" / name, clip.frames)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(folder / TGVE_CSV, text.getvalue())


class _Line:
    def __init__(self, path: Path, prompt: str, number: int) -> None:
        self.path, self.name, self.prompt, self.number = path, path.stem, prompt, number


def _lines(edits: Sequence[Asked]) -> list[tuple[_Line, dict[str, str]]]:
    found: list[tuple[_Line, dict[str, str]]] = []
    for source, group in _by_source(edits):
        lines: list[tuple[_Line, dict[str, str]]] = []
        for edit in group:
            kind = str(_kind("loveu", edit))
            free = next((line for line in lines if line[0].prompt == edit.source_prompt and kind not in line[1]), None)
            if free is None:
                free = (_Line(source, edit.source_prompt, len(lines) + 1), {})
                lines.append(free)
            free[1][kind] = edit.prompt
        found += lines
    return found


def _v2vbench(edits: Sequence[Asked], folder: Path) -> None:
    data: list[dict[str, Any]] = []
    for source, group in _by_source(edits):
        told = [{"prompt": edit.prompt, **({"task": edit.kind} if edit.kind else {})} for edit in group]
        data.append({"video_id": source.stem, "prompt": group[0].source_prompt, "edit": told})
        clips.write_h264(_made(folder / "videos" / f"{source.stem}.mp4"), ingest.load(str(source)))
    write_text(folder / "config.yaml", yaml.safe_dump({"data": data}, sort_keys=False, allow_unicode=True))


def _five(edits: Sequence[Asked], folder: Path) -> None:
    items: dict[str, list[dict[str, Any]]] = {kind: [] for kind in FIVE_KINDS}
    for source, group in _by_source(edits):
        clip = ingest.load(str(source))
        for edit in group:  # masks differ from edit to edit, and FiVE has one for a video: each edit is a video
            video = edit.name
            clips.write_h264(_made(folder / "videos" / f"{video}.mp4"), clip)
            _pictures(folder / "images" / video, clip.frames, first=1)
            if edit.mask is not None:
                mask = read_mask(edit.mask, clip.size, f"edit '{edit.name}'")
                _pictures(folder / "bmasks" / video, _grey(mask), first=1)
            kind = str(_kind("five", edit))
            told = {"source_prompt": edit.source_prompt, "target_prompt": edit.prompt}
            number = FIVE_KINDS.index(kind) + 1
            told |= _asked(edit)
            items[kind].append({"video_name": video, **told, "save_dir": "edit", "editing_type_id": str(number)})
    for number, kind in enumerate(FIVE_KINDS, start=1):
        write_text(folder / f"edit_prompt/edit{number}_FiVE.json", json.dumps(items[kind], indent=1))


def _asked(edit: Asked) -> dict[str, str]:
    """FiVE's questions, where the edit has any."""
    if (asked := edit.questions) is None:
        return {}
    of_both = {"source_yes_no_question": asked.old, "target_yes_no_question": asked.new}
    return {"multiple_choice_question": asked.choice, **of_both}


def _davis(edits: Sequence[Asked], folder: Path) -> None:
    for edit in edits:
        clip = ingest.load(str(edit.source))
        _pictures(folder / "JPEGImages/480p" / edit.name, clip.frames)
        if edit.mask is not None:
            mask = read_mask(edit.mask, clip.size, f"edit '{edit.name}'")
            _pictures(folder / "Annotations/480p" / edit.name, _grey(mask), suffix=".png")
    write_text(folder / "ImageSets/2017/val.txt", "".join(f"{edit.name}\n" for edit in edits))


WRITERS: Mapping[str, Callable[[Sequence[Asked], Path], None]] = {
    "loveu": _loveu,
    "v2vbench": _v2vbench,
    "five": _five,
    "davis": _davis,
}
"""By the name of a benchmark, what writes its layout."""


def _kind(layout: str, edit: Asked) -> str | None:
    """What a layout calls an edit's kind; None where it has none for it, or needs none and it does not matter."""
    if layout == "loveu":
        return edit.kind if edit.kind in TGVE_KINDS else _TGVE.get(edit.kind)
    if layout == "five":
        return edit.kind if edit.kind in FIVE_KINDS else _FIVE.get(edit.kind)
    return edit.kind


def _by_source(edits: Iterable[Asked]) -> list[tuple[Path, list[Asked]]]:
    ordered = sorted(edits, key=lambda edit: str(edit.source))
    return [(source, list(group)) for source, group in groupby(ordered, key=lambda edit: edit.source)]


def _pictures(folder: Path, frames: Frames, *, suffix: str = ".jpg", first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=first):
        options = {"quality": _QUALITY} if suffix == ".jpg" else {}
        Image.fromarray(frame).save(folder / f"{number:05}{suffix}", **options)  # type: ignore[arg-type]


def _grey(mask: np.ndarray) -> Frames:
    return mask[..., None].repeat(3, -1).astype(np.uint8) * 255


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
