"""Ingested clips on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onereel.base.errors import ClipError
from onereel.base.names import valid_name
from onereel.base.outputs import Kind, Result, write_result
from onereel.video.clip import Clip, write, write_preview


def write_clip(folder: Path | str, name: str, clip: Clip, manifest: dict[str, Any]) -> None:
    """Write ``{name}.mkv`` (lossless), ``{name}.mp4`` (preview) and ``{name}.json`` (manifest): all, or none.

    Raises: ClipError for a name that is not safe as a file's.
    """
    if not valid_name(name):
        remedy = "use letters (A-Z, a-z), digits, _ and -, beginning with a letter or digit"
        raise ClipError(f"clip '{name}'", "cannot be a file's name", remedy)
    write_frames("clip", Path(folder), name, clip, manifest)


def write_frames(kind: Kind, folder: Path, name: str, clip: Clip, content: Mapping[str, Any]) -> None:
    """A clip or a sample as three files; see `onereel.base.outputs.write_result`."""
    writers = {".mkv": lambda path: write(path, clip), ".mp4": lambda path: write_preview(path, clip)}
    write_result(Result(kind, folder, name), content, writers)
