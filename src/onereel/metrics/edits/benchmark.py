"""The benchmark of known edits as files, for editors that use none of our code.

A folder with the clips to edit, masks, answers, prompts and a manifest with checksums. Scoring takes the answers from
nowhere but the renderer, which the manifest's settings lead to again, and whose drawings the checksums hold to be the
same.
"""

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from onereel import __version__
from onereel.base.errors import ConfigError, FileError
from onereel.base.files import sha256_of, write_json, write_text
from onereel.base.progress import Progress, no_progress
from onereel.scenes.world import EditSet, KnownEdit
from onereel.video import clip as clips
from onereel.video.clip import Clip, Frames

MANIFEST = "manifest.json"
OUTPUTS = "outputs"
_SHEET = "edits.csv"
_COLUMNS = ("name", "kind", "prompt", "source_prompt", "source", "mask", "answer", "attribute", "before", "after")
_LICENCE = """\
The videos, masks and texts in this folder were rendered by onereel. Its authors dedicate them to the public domain
(CC0 1.0 Universal, https://creativecommons.org/publicdomain/zero/1.0/): use them for anything, without asking.
"""
_README = f"""\
# Known edits

{{number}} edits of rendered videos whose right answers are known. Every video has {{frames}} frames of
{{height}}x{{width}} pixels, {{fps}} of them a second.

1. `{_SHEET}` has a line for every edit: the video to edit (`source`), what the result should show (`prompt`), what the
   source shows (`source_prompt`), and the pixels that may change (`mask`, white). An editor may read all of these; it
   may not read `answers/`. Videos are lossless (FFV1 in .mkv); `sources/` has an H.264 .mp4 of each besides.
2. Write one video for each edit, as many frames as the source, named as the edit: `{OUTPUTS}/NAME.mp4` (or .mkv, .gif,
   .webm, or a folder `NAME/` of numbered pictures). Lossless files keep what the editor made.
3. `onereel benchmark score {OUTPUTS}` measures them, and says which are missing. Larger outputs: `--align resize`.

Nothing may be chosen on these edits (strength, guidance, prompts): use `onereel benchmark export --first 0` for that.
"""


class Manifest(BaseModel):
    """What `export_benchmark` wrote.

    Attributes:
        made_with: version of onereel.
        settings: that lead to the edits.
        answers: sha256 of the answers' frames, by the edits' names.
        files: sha256 of every file, by its path.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    made_with: str
    settings: EditSet
    answers: Mapping[str, str]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Benchmark:
    """Known edits, and what their answers must look like.

    Attributes:
        settings: that lead to the edits.
        answers: sha256 of the answers' frames, by the edits' names; empty where nobody wrote them down.
    """

    settings: EditSet
    answers: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path) -> "Benchmark":
        """That of an exported folder.

        Raises: ConfigError if there is none, or if it is damaged.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise ConfigError(f"'{folder}'", f"holds no {MANIFEST}", "name a folder of `onereel benchmark export`")
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise ConfigError(f"'{path}'", f"is damaged ({told})", "export the benchmark again") from None
        return cls(manifest.settings, manifest.answers)

    def edits(self, kind: str) -> Iterator[KnownEdit]:
        """The edits of one kind, rendered.

        Raises: ConfigError if they are others than when the benchmark was exported.
        """
        one = self.settings.model_copy(update={"kinds": (kind,)})
        for edit in one.edits():
            if self.answers and self.answers.get(edit.name) != checksum(edit.answer):
                problem = "is drawn otherwise than when this benchmark was exported"
                remedy = "export it again, or score with the version of its manifest"
                raise ConfigError(f"edit '{edit.name}'", problem, remedy)
            yield edit


def export_benchmark(settings: EditSet, folder: Path, *, progress: Progress = no_progress) -> Manifest:
    """Write the benchmark to a folder: all of it, or nothing.

    Args:
        settings: which edits.
        folder: must not exist yet, or be empty.
        progress: watches the edits.

    Raises: ConfigError for a folder that holds something; FileError if it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"'{folder}'", "is there already, and not empty", "name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".onereel-", dir=folder.parent) as scratch:
            made = Path(scratch) / folder.name
            made.mkdir()
            manifest = _write(settings, made, progress)
            made.chmod(0o755)
            made.replace(folder)
    except OSError as error:
        raise FileError(folder, "cannot be written", error) from error
    return manifest


def checksum(frames: Frames) -> str:
    """sha256 of frames and their shape."""
    told = "x".join(map(str, frames.shape)).encode()
    return hashlib.sha256(told + np.ascontiguousarray(frames).tobytes()).hexdigest()


def _write(settings: EditSet, folder: Path, progress: Progress) -> Manifest:
    rows: list[dict[str, Any]] = []
    answers: dict[str, str] = {}
    for edit in settings.edits(progress):
        rows.append(_write_edit(edit, folder))
        answers[edit.name] = checksum(edit.answer)
    write_text(folder / _SHEET, _sheet(rows))
    write_text(folder / "README.md", _README.format(**{**dict(settings), "number": len(rows)}))
    write_text(folder / "LICENCE.txt", _LICENCE)
    (folder / OUTPUTS).mkdir()
    files = {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = Manifest(made_with=__version__, settings=settings, answers=answers, files=files)
    write_json(folder / MANIFEST, {"licence": "CC0-1.0", **manifest.model_dump(mode="json"), "edits": rows})
    return manifest


def _write_edit(edit: KnownEdit, folder: Path) -> dict[str, Any]:
    """Files of an edit, and its line of the sheet."""
    source = folder / "sources" / f"{edit.source_name}.mkv"
    if not source.exists():  # edits may share it
        clips.write(source, Clip(edit.source, edit.fps))
        clips.write_h264(source.with_suffix(".mp4"), Clip(edit.source, edit.fps))
    mask, answer = folder / "masks" / f"{edit.name}.mkv", folder / "answers" / f"{edit.name}.mkv"
    clips.write(mask, Clip(edit.mask[..., None].repeat(3, -1).astype(np.uint8) * 255, edit.fps))
    clips.write(answer, Clip(edit.answer, edit.fps))
    paths = {"source": source, "mask": mask, "answer": answer}
    values = {name: getattr(edit, name) for name in _COLUMNS if name not in paths}
    return {**values, **{name: path.relative_to(folder).as_posix() for name, path in paths.items()}}


def _sheet(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
