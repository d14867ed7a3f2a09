"""Ingested clips on disk."""

import tempfile
from pathlib import Path
from typing import Any

from onereel.clip import Clip, write, write_preview
from onereel.errors import ClipError
from onereel.files import write_json
from onereel.ingest.sheet import valid_name


def write_clip(folder: Path | str, name: str, clip: Clip, manifest: dict[str, Any]) -> None:
    """Write ``{name}.mkv`` (lossless), ``{name}.mp4`` (preview) and ``{name}.json`` (manifest): all, or none.

    The manifest is put in place last, so that where it is, the others are.

    Raises: ClipError for a name that is not safe as a file's.
    """
    if not valid_name(name):
        remedy = "use letters (A-Z, a-z), digits, _ and -, beginning with a letter or digit"
        raise ClipError(f"clip '{name}'", "cannot be a file's name", remedy)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
        made = [Path(scratch) / f"{name}{suffix}" for suffix in (".mkv", ".mp4", ".json")]
        write(made[0], clip)
        write_preview(made[1], clip)
        write_json(made[2], manifest)
        (folder / made[2].name).unlink(missing_ok=True)
        for path in made:
            path.replace(folder / path.name)
