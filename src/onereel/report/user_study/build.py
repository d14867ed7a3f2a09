"""A study's folder: plain HTML, CSS and JavaScript that opens from disk and from any web server; its key lies outside.

Nothing in the folder names a method: films and items have names that say nothing, checks look like any item, and
everything is encoded alike.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.files import write_json, write_text
from onereel.base.outputs import list_folder
from onereel.base.progress import Progress, no_progress
from onereel.report.page.visuals import write_sheets
from onereel.report.page.write import swapped_in
from onereel.report.templating import environment
from onereel.report.user_study.words import hints, length, steps
from onereel.studies.design import Design
from onereel.studies.items import REGULAR, TRAINING, Subject, make_items
from onereel.studies.key import FORMAT, Key, make_key
from onereel.studies.schedule import draw_schedule
from onereel.video.clip import Clip
from onereel.video.films import resized

_ASSETS = ("report.css", "study.css", "players.js", "study_store.js", "study_stage.js", "study_answers.js", "study.js")
_LARGEST = 720, 1280
"""Height and width that films are made smaller to: no more fits beside another on a screen."""


def build_study(
    design: Design,
    subjects: Sequence[Subject],
    load: Callable[[str], Clip],
    *,
    out_dir: Path,
    key: Path,
    progress: Progress = no_progress,
) -> Key:
    """Write the folder of a study, replacing an older one in one step, and its key.

    Args:
        design: what is asked.
        subjects: clips or edits with references to the films of their methods.
        load: makes a clip of a reference.
        out_dir: folder to publish: ``index.html``, ``assets/``, ``films/``.
        key: JSON file for what raters must not see; not in `out_dir`. A copy with the study's id stays beside it.
        progress: watches the films.

    Returns: the key. The same films and design give the same folder and key.

    Raises: ConfigError where nothing can be shown, the key would be published, or somebody's files lie in the folder.
    """
    _check_places(out_dir, key)
    items = make_items(design, subjects)
    slots = draw_schedule(design, items)
    references = list(dict.fromkeys(film for item in items for film in (*item.films, item.source) if film))
    with swapped_in(out_dir) as folder:
        cut = folder / ".cut"
        films, digests = {}, {}
        for number, film in enumerate(progress(references, total=len(references), label="films")):
            films[film], digests[film] = _cut(load(film), cut / str(number))
        found = make_key(design, items, slots, digests)
        shown = {name: _place(films[film], cut / str(references.index(film)), folder / "films", name)
                 for name, film in found.films.items()}  # fmt: skip
        shutil.rmtree(cut)
        _write_page(found, shown, folder)
        list_folder(folder)
        write_json(kept_key(key, found.id), found.plain())
        write_json(key, found.plain())
    return found


def kept_key(key: Path, ident: str) -> Path:
    """Where the key of that very build stays: people may be answering it when the study is built anew."""
    return key.with_name(f"{key.stem}.{ident}.json")


def _check_places(out_dir: Path, key: Path) -> None:
    if key.resolve().is_relative_to(out_dir.resolve()):
        raise ConfigError(f"'{key}'", "would be published with the study", "keep the key outside of its folder")
    if out_dir.is_dir() and any(out_dir.iterdir()) and not (out_dir / ".onereel.json").is_file():
        raise ConfigError(f"'{out_dir}'", "is a folder of somebody else's", "name another for the study")


def _cut(clip: Clip, folder: Path) -> tuple[dict[str, Any], str]:
    """All frames as sheets, what players read of them, and what tells this film from others."""
    _, height, width = clip.size
    scale = min(1.0, _LARGEST[0] / height, _LARGEST[1] / width)
    display = [max(round(height * scale), 1), max(round(width * scale), 1)]
    folder.mkdir(parents=True)
    sheets = write_sheets(resized(clip.frames, *display), folder, "film", ".jpg")
    digest = hashlib.sha256(clip.frames.tobytes() + f"{clip.size} {clip.fps}".encode()).hexdigest()
    return {"size": list(clip.size), "fps": str(clip.fps), "display": display, "sheets": sheets}, digest


def _place(film: Mapping[str, Any], source: Path, folder: Path, name: str) -> dict[str, Any]:
    """The film under a name that says nothing: a copy of its own, so that no two names are one file."""
    folder.mkdir(exist_ok=True)
    sheets = []
    for number, sheet in enumerate(film["sheets"]):
        file = f"{name}-{number}.jpg"
        shutil.copyfile(source / sheet["file"], folder / file)
        sheets.append({**sheet, "file": file})
    return {**film, "sheets": sheets}


def _write_page(key: Key, films: Mapping[str, Any], folder: Path) -> None:
    (folder / "assets").mkdir()
    for name in _ASSETS:
        shutil.copyfile(Path(__file__).parents[1] / "templates" / name, folder / "assets" / name)
    text = json.dumps(page_data(key, films), ensure_ascii=True, separators=(",", ":"))
    write_text(folder / "assets/study_data.js", f'"use strict";\nwindow.study = {text};\n')
    page = environment().get_template("study.html.j2").render(
        form=key.design.form.name.lower(),
        title=key.design.title,
        question=key.design.asked,
        instructions=key.design.instructions,
        steps=steps(key.design),
        hints=hints(key.design),
        length=length(len(key.slots[0]), sum(item.item.role == TRAINING for item in key.items)),
    )  # fmt: skip
    write_text(folder / "index.html", page)


def page_data(key: Key, films: Mapping[str, Any]) -> dict[str, Any]:
    """What the page knows: items and films in the order of their names, which says neither role nor method."""
    design = key.design
    items = sorted(key.items, key=lambda item: item.id)
    places = {item.id: number for number, item in enumerate(items)}
    ordered = {item.id: sorted(item.films) for item in items}
    slots = [
        [[places[item.id], [ordered[item.id].index(film) for film in shown]] for item, shown in key.shown(slot)]
        for slot in range(len(key.slots))
    ]
    return {
        "format": FORMAT,
        "id": key.id,
        "form": str(design.form),
        "scales": [{"name": name, "question": question} for name, question in design.rated.items()],
        "allow": list(design.allow),
        "seconds": design.seconds,
        "plays": design.plays,
        "post": design.post,
        "completion": design.completion,
        "items": [
            {"id": one.id, "films": ordered[one.id], "source": one.source, "prompt": one.item.prompt} for one in items
        ],
        "films": dict(sorted(films.items())),
        "slots": slots,
        "training": {one.id: key.training_of(one) for one in items if one.item.role == TRAINING},
    }


def comparisons(key: Key) -> tuple[int, int]:
    """How many items count, and among how many sets of methods they are shared."""
    regular = [item.item for item in key.items if item.item.role == REGULAR]
    return len(regular), len({item.methods for item in regular})
