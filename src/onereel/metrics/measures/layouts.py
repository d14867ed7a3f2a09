"""Public benchmarks of video editing, read and written in their published layouts.

- ``loveu``: LOVEU-TGVE-2023. ``LOVEU-TGVE-2023_Dataset.csv`` has a line a video and headings between
  (``DAVIS Videos:``); videos are ``{DAVIS,youtube,videvo}_480p/480p_videos/NAME.mp4`` or ``480p_frames/NAME/``, outputs
  ``{...}_480p/NAME/{style,object,background,multiple}/``.
- ``v2vbench``: a YAML file whose ``data`` is a list of ``video_id``, ``prompt`` and ``edit: [prompt: ...]``; videos are
  named as the id, outputs ``ID/0``, ``ID/1``, ...
- ``five``: FiVE. ``edit_prompt/edit{1..6}_FiVE.json``, ``images/NAME/``, ``videos/NAME.mp4``, ``bmasks/NAME/``; outputs
  are ``NAME/SAVE_DIR/``.
- ``davis``: ``JPEGImages/480p/NAME/``, ``Annotations/480p/NAME/`` (all but black may change); there are no prompts.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.readers import read_text, read_yaml
from onereel.metrics.measures.base import Questions
from onereel.metrics.measures.sheet import Asked

TGVE_KINDS = ("style", "object", "background", "multiple")
TGVE_CSV = "LOVEU-TGVE-2023_Dataset.csv"
TGVE_GROUPS = {"davis": "DAVIS_480p", "youtube": "youtube_480p", "videvo": "videvo_480p"}
FIVE_KINDS = (
    "object_replacement_rigid", "object_replacement_non_rigid", "colour", "material", "object_addition",
    "object_removal",
)  # fmt: skip
FIVE_MOVED = ("object_addition", "object_removal")
_CAPTIONS = {
    "style": "Style Change",
    "object": "Object Change",
    "background": "Background Change",
    "multiple": "Multiple Changes",
}
TGVE_COLUMNS = ("Video name", "Our GT caption", *(f"{_CAPTIONS[kind]} Caption" for kind in TGVE_KINDS))
_VIDEOS = (".mp4", ".mkv", ".gif", ".webm", ".mov", ".avi")


def read_layout(kind: str, folder: Path) -> list[Asked]:
    """What a benchmark asks, in its own order.

    Args:
        kind: of `READERS`.
        folder: where it was unpacked.

    Raises: ConfigError for an unknown kind, and for a folder that is not laid out so: it says what is missing.
    """
    if kind not in READERS:
        raise ConfigError(f"benchmark '{kind}'", "no such layout", did_you_mean(kind, READERS))
    if not folder.is_dir():
        raise ConfigError(f"'{folder}'", "is no folder", f"name the one with the unpacked {kind}")
    found = list(READERS[kind](folder))
    if not found:
        raise ConfigError(f"'{folder}'", f"holds no edit in the layout of {kind}", "check that it was unpacked whole")
    return _unique(found)


def _loveu(folder: Path) -> Iterator[Asked]:
    path = _only(folder, "LOVEU-TGVE*.csv")
    rows = list(csv.reader(io.StringIO(read_text(path, "list of videos"))))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if lacking := [name for name in TGVE_COLUMNS if name not in header]:
        raise ConfigError(f"'{path}'", f"has no column '{lacking[0]}'", "take the file that LOVEU-TGVE publishes")
    group = ""
    for cells in rows[1:]:
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        video, before = row.get("Video name", ""), row.get("Our GT caption", "")
        if not before:  # an empty line, or a heading: "DAVIS Videos:"
            group = TGVE_GROUPS.get(video.split(" ")[0].lower(), group)
            continue
        groups = [group] if group else list(TGVE_GROUPS.values())
        places = [f"{name}/{part}" for name in groups for part in ("480p_videos", "480p_frames")]
        source = _source(folder, places, video, path)
        for kind in TGVE_KINDS:
            if prompt := row.get(f"{_CAPTIONS[kind]} Caption", ""):
                output = f"{source.relative_to(folder).parts[0]}/{video}/{kind}"
                yield Asked(f"{video}-{kind}", source, kind, prompt, before, benchmark="loveu", output=output)


def _v2vbench(folder: Path) -> Iterator[Asked]:
    path = _only(folder, "*.y*ml")
    content = read_yaml(path, "list of videos")
    entries = content.get("data") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        raise ConfigError(f"'{path}'", "has no list 'data'", "take the file that V2VBench publishes")
    for number, entry in enumerate(entries, start=1):
        where = f"'{path}', entry {number} of data"
        if not (isinstance(entry, Mapping) and entry.get("video_id") and isinstance(entry.get("edit"), list)):
            raise ConfigError(where, "needs video_id and a list edit", "correct it")
        video, before = str(entry["video_id"]), str(entry.get("prompt") or "")
        source = _source(folder, ["", "videos", "source", "source_videos", "reference"], video, path)
        for index, edit in enumerate(entry["edit"]):
            if not (isinstance(edit, Mapping) and edit.get("prompt")):
                raise ConfigError(where, f"edit {index} has no prompt", "correct it")
            yield Asked(
                f"{video}-{index}",
                source,
                str(edit.get("task") or edit.get("type") or ""),
                str(edit["prompt"]),
                before,
                benchmark="v2vbench",
                output=f"{video}/{index}",
            )


def _five(folder: Path) -> Iterator[Asked]:
    paths = [folder / f"edit_prompt/edit{number}_FiVE.json" for number in range(1, 1 + len(FIVE_KINDS))]
    if not any(path.is_file() for path in paths):
        raise ConfigError(f"'{folder}'", "has no edit_prompt/edit1_FiVE.json", "name the folder with FiVE's data")
    for path, kind in zip(paths, FIVE_KINDS, strict=True):
        for number, item in enumerate(_json_list(path) if path.is_file() else (), start=1):
            where = f"'{path}', entry {number}"
            if not (isinstance(item, Mapping) and all(item.get(key) for key in ("video_name", "target_prompt"))):
                raise ConfigError(where, "needs video_name and target_prompt", "correct it")
            video = str(item["video_name"])
            mask = folder / "bmasks" / video
            told = {key: _unbracketed(item.get(f"{key}_prompt", "")) for key in ("source", "target")}
            yield Asked(
                f"{video}-{path.stem.removesuffix('_FiVE')}",
                _source(folder, ["images", "videos"], video, path),
                kind,
                told["target"],
                told["source"],
                mask if mask.is_dir() else None,
                moves=kind in FIVE_MOVED,
                benchmark="five",
                output=f"{video}/{item.get('save_dir') or ''}".rstrip("/"),
                questions=_five_questions(item),
            )


def _davis(folder: Path) -> Iterator[Asked]:
    for size in ("480p", "Full-Resolution", "1080p"):
        if (folder / "JPEGImages" / size).is_dir():
            break
    else:
        raise ConfigError(f"'{folder}'", "has no JPEGImages/480p", "name the folder with DAVIS")
    for source in sorted(path for path in (folder / "JPEGImages" / size).iterdir() if path.is_dir()):
        mask = folder / "Annotations" / size / source.name
        yield Asked(source.name, source, mask=mask if mask.is_dir() else None, benchmark="davis", output=source.name)


READERS: Mapping[str, Callable[[Path], Iterator[Asked]]] = {
    "loveu": _loveu,
    "v2vbench": _v2vbench,
    "five": _five,
    "davis": _davis,
}
"""By the name of a benchmark, what reads its layout."""


def _source(folder: Path, places: list[str], video: str, named_in: Path) -> Path:
    for place in places:
        path = folder / place / video
        files = [path.with_name(path.name + suffix) for suffix in _VIDEOS]
        if (found := next((file for file in files if file.is_file()), None)) is not None:
            return found
        if path.is_dir():
            return path
    tried = ", ".join(place or "." for place in places)
    raise ConfigError(
        f"'{named_in}'", f"names video '{video}', which is not in {tried}", "unpack the videos there, too"
    )


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        problem = f"has {len(found) or 'no'} files {pattern}"
        raise ConfigError(f"'{folder}'", problem, "keep the one that the benchmark publishes")
    return found[0]


def _json_list(path: Path) -> list[Any]:
    try:
        content = json.loads(read_text(path, "list of edits"))
    except ValueError as error:
        raise ConfigError(f"'{path}'", f"is no JSON ({error})", "fetch it again") from None
    if not isinstance(content, list):
        raise ConfigError(f"'{path}'", "is no list", "take the file that FiVE publishes")
    return content


def _five_questions(item: Mapping[str, Any]) -> Questions | None:
    """What FiVE asks a judge, each in one line."""
    keys = ("source_yes_no_question", "target_yes_no_question", "multiple_choice_question")
    texts = [" ".join(str(item.get(key) or "").split()) for key in keys]
    return Questions(*texts) if any(texts) else None


def _unbracketed(text: Any) -> str:
    """FiVE puts what changes into brackets."""
    return re.sub(r"[\[\]]", "", str(text)).strip()


def _unique(edits: list[Asked]) -> list[Asked]:
    """Edits whose names serve as names of files, each another."""
    taken: dict[str, int] = {}
    named = []
    for edit in edits:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", edit.name)
        taken[name] = taken.get(name, 0) + 1
        named.append(replace(edit, name=name if taken[name] == 1 else f"{name}-{taken[name]}"))
    return named
